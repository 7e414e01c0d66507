package httpandgrpc

import (
	"context"
	"crypto/tls"
	"net/http"

	"github.com/gin-gonic/gin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ginsession/ginsession"
)

const userKey = "x-user-id"

// asUser says for whom a call is made: for the user of the session in its context.
// Without a session there is no call.
type asUser struct{}

func (asUser) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	session := ginsession.FromContext(ctx)
	if session == nil {
		return nil, status.Error(codes.Unauthenticated, "no session")
	}
	return map[string]string{userKey: session.UserID}, nil
}

// RequireTransportSecurity keeps calls off connections without TLS.
func (asUser) RequireTransportSecurity() bool { return true }

// dial connects the gateway, whose certificate is in config, to a service.
func dial(address string, config *tls.Config) (*grpc.ClientConn, error) {
	return grpc.NewClient(address,
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithPerRPCCredentials(asUser{}))
}

// newGateway asks the service for whoever is signed in.
func newGateway(sessions *ginsession.Manager, notes grpc.ClientConnInterface) *gin.Engine {
	router := gin.New()
	router.Use(sessions.Middleware())
	router.GET("/notes", sessions.RequireStore(), func(c *gin.Context) {
		owner := new(wrapperspb.StringValue)
		// The request's context, which has the session and ends when the client leaves; never c.
		if err := notes.Invoke(c.Request.Context(), "/recipes.Notes/Owner", new(emptypb.Empty), owner); err != nil {
			c.Status(http.StatusBadGateway)
			return
		}
		c.String(http.StatusOK, "the notes of %s", owner.GetValue())
	})
	return router
}

type userContext struct{}

// userID is whom a call to the service is made for.
func userID(ctx context.Context) string {
	id, _ := ctx.Value(userContext{}).(string)
	return id
}

// toldBy lets calls pass whose certificate names the gateway, and believes it who
// the user is. The server's tls.Config has ClientAuth: tls.RequireAndVerifyClientCert.
func toldBy(gateway string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		ids := metadata.ValueFromIncomingContext(ctx, userKey)
		if !comesFrom(ctx, gateway) || len(ids) != 1 || ids[0] == "" {
			return nil, status.Error(codes.Unauthenticated, "no user, or nobody to believe it from")
		}
		return handle(context.WithValue(ctx, userContext{}, ids[0]), request)
	}
}

func comesFrom(ctx context.Context, name string) bool {
	caller, ok := peer.FromContext(ctx)
	if !ok {
		return false
	}
	info, ok := caller.AuthInfo.(credentials.TLSInfo)
	return ok && len(info.State.VerifiedChains) > 0 && info.State.VerifiedChains[0][0].VerifyHostname(name) == nil
}
