#!/bin/sh
# Regenerates archlabv1/*.pb.go from archlab.proto. protoc comes from the system (any 3.21 or later); both plugins are tools of
# the module and so pinned by go.mod. The line that names protoc's own version is dropped from the headers: the code does not
# depend on it, and the files stay the same wherever they are generated.
set -eu
cd "$(dirname "$0")"
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/" google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
PATH="$bin:$PATH" protoc --proto_path=archlabv1 \
	--go_out=archlabv1 --go_opt=paths=source_relative \
	--go-grpc_out=archlabv1 --go-grpc_opt=paths=source_relative \
	archlab.proto
for f in archlabv1/archlab.pb.go archlabv1/archlab_grpc.pb.go; do
	sed -e '/^\/\/ [-\t ]*protoc  *v[0-9]/d' "$f" >"$bin/out" && cat "$bin/out" >"$f"
done
gofmt -l archlabv1
