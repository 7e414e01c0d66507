package httpandgrpc

import (
	"context"

	"github.com/gin-gonic/gin"
	"google.golang.org/grpc"

	"github.com/ginsession/ginsession"
)

// newVerifying has a gRPC server behind gin and a Manager of its own, with the
// gateway's Secret and database and with Bearer.Enabled: it asks for the session
// itself, and its methods find it with ginsession.FromContext.
func newVerifying(sessions *ginsession.Manager, server *grpc.Server) *gin.Engine {
	router := gin.New()
	router.POST("/recipes.Notes/*method", sessions.RequireOrigin(), sessions.RequireStore(), gin.WrapH(server))
	return router
}

// bearer is a client's own Authorization header, passed on:
//
//	grpc.PerRPCCredentials(bearer(c.GetHeader("Authorization")))
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": string(b)}, nil
}

// RequireTransportSecurity keeps calls off connections without TLS.
func (bearer) RequireTransportSecurity() bool { return true }

// String keeps the token out of logs.
func (bearer) String() string { return "[redacted]" }
