package main
import (_ "gorgonia.org/gorgonia"; _ "github.com/hashicorp/go-plugin"; _ "github.com/spf13/cobra"; _ "gopkg.in/yaml.v3"; _ "go4.org/unsafe/assume-no-moving-gc"; _ "github.com/klauspost/compress/zstd"; _ "github.com/rogpeppe/go-internal/testscript";_ "github.com/gofrs/flock";_ "golang.org/x/term"; _ "golang.org/x/sys/unix"; _ "gorgonia.org/tensor"; _ "google.golang.org/grpc"; _ "google.golang.org/protobuf/proto")
func main(){}
