package wire

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/archlab/archlab/core/family"
	pb "github.com/archlab/archlab/core/wire/archlabv1"
)

// grpcCodes is the only table between the contract's codes and gRPC's. Several of the contract's codes share one of gRPC's;
// the status details carry the exact one.
var grpcCodes = map[family.Code]codes.Code{
	family.InvalidConfig:   codes.InvalidArgument,
	family.InvalidArgument: codes.InvalidArgument,
	family.NotFound:        codes.NotFound,
	family.Unimplemented:   codes.Unimplemented,
	family.Corrupt:         codes.DataLoss,
	family.Exhausted:       codes.ResourceExhausted,
	family.Canceled:        codes.Canceled,
	family.Unavailable:     codes.Unavailable,
	family.Internal:        codes.Internal,
}

// familyCode is the way back for a status without details: a plugin that knows only gRPC's codes.
func familyCode(c codes.Code) family.Code {
	switch c {
	case codes.InvalidArgument, codes.OutOfRange, codes.FailedPrecondition, codes.AlreadyExists:
		return family.InvalidArgument
	case codes.NotFound:
		return family.NotFound
	case codes.Unimplemented:
		return family.Unimplemented
	case codes.DataLoss:
		return family.Corrupt
	case codes.ResourceExhausted:
		return family.Exhausted
	case codes.Canceled, codes.DeadlineExceeded:
		return family.Canceled
	case codes.Unavailable:
		return family.Unavailable
	}
	return family.Internal
}

// toStatus makes the error that a gRPC handler answers.
func toStatus(err error) error {
	if err == nil {
		return nil
	}
	detail := &pb.Error{Message: strings.ToValidUTF8(err.Error(), "\uFFFD")}
	var fe *family.Error
	switch {
	case errors.As(err, &fe):
		detail.Code, detail.Field = string(fe.Code), strings.ToValidUTF8(fe.Field, "\uFFFD")
		// What wraps the typed error is kept as text; the field, which Error puts in front, is not said twice.
		detail.Message = strings.Replace(detail.Message, strings.ToValidUTF8(fe.Error(), "\uFFFD"), strings.ToValidUTF8(fe.Message, "\uFFFD"), 1)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		detail.Code = string(family.Canceled)
	default:
		if st, ok := status.FromError(err); ok { // of the stream itself
			return st.Err()
		}
		detail.Code = string(family.Internal)
	}
	code, ok := grpcCodes[family.Code(detail.Code)]
	if !ok {
		code = codes.Unknown
	}
	st, derr := status.New(code, detail.Message).WithDetails(detail)
	if derr != nil {
		return status.Error(code, detail.Message)
	}
	return st.Err()
}

// transportError is an error of the connection and not of the family: nobody answered.
type transportError struct {
	typed *family.Error
}

func (e *transportError) Error() string { return e.typed.Error() }

func (e *transportError) Unwrap() error { return e.typed }

// Transport says that err tells of the connection to the plugin, which broke or was never made, and not of the family.
func Transport(err error) bool {
	var t *transportError
	return errors.As(err, &t)
}

// canceledError is both the contract's Canceled and the context's own error.
type canceledError struct {
	typed      *family.Error
	err, cause error // of the context
}

func (e *canceledError) Error() string { return e.typed.Error() }

func (e *canceledError) Unwrap() []error { return []error{e.typed, e.err, e.cause} }

// fromStatus makes the error that a caller sees out of what a gRPC call answered under ctx.
func fromStatus(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	awaitDeadline(ctx, err)
	if ended := ctx.Err(); ended != nil {
		return &canceledError{family.Errorf(family.Canceled, "", "%v", context.Cause(ctx)), ended, context.Cause(ctx)}
	}
	var fe *family.Error
	if errors.As(err, &fe) { // found on this end
		return err
	}
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	for _, d := range st.Details() {
		if e, ok := d.(*pb.Error); ok && e.Code != "" {
			return &family.Error{Code: family.Code(e.Code), Field: e.Field, Message: e.Message}
		}
	}
	fe = family.Errorf(familyCode(st.Code()), "", "%s", st.Message())
	if st.Code() == codes.Unavailable {
		return &transportError{fe}
	}
	return fe
}

// awaitDeadline waits for a deadline that the server, which has its own clock for it, has seen pass a moment earlier.
func awaitDeadline(ctx context.Context, err error) {
	if c := status.Code(err); c != codes.Canceled && c != codes.DeadlineExceeded {
		return
	}
	if at, ok := ctx.Deadline(); ok && time.Until(at) < time.Second {
		<-ctx.Done()
	}
}
