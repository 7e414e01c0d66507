package httpandgrpc

import (
	"context"
	"crypto/ed25519"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ginsession/ginsession"
)

// statements say, signed by the gateway, for whom a call to one service is made.
type statements struct {
	key      ed25519.PrivateKey // services have the public half
	audience string             // the service
}

func (s statements) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	session := ginsession.FromContext(ctx)
	if session == nil {
		return nil, status.Error(codes.Unauthenticated, "no session")
	}
	statement, err := s.of(session.UserID, time.Now())
	return map[string]string{"authorization": "Bearer " + statement}, err
}

// RequireTransportSecurity keeps calls off connections without TLS.
func (statements) RequireTransportSecurity() bool { return true }

// String keeps the key out of logs.
func (statements) String() string { return "[redacted]" }

// of makes a statement that is good for half a minute.
func (s statements) of(userID string, now time.Time) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: s.key}, nil)
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(jwt.Claims{
		Subject:  userID,
		Audience: jwt.Audience{s.audience},
		Expiry:   jwt.NewNumericDate(now.Add(30 * time.Second)),
	}).Serialize()
}

// stated believes the statements of whoever has the key.
func stated(key ed25519.PublicKey, audience string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		id, ok := subject(metadata.ValueFromIncomingContext(ctx, "authorization"), key, audience, time.Now())
		if !ok {
			return nil, status.Error(codes.Unauthenticated, "no statement, or a bad one")
		}
		return handle(context.WithValue(ctx, userContext{}, id), request)
	}
}

func subject(values []string, key ed25519.PublicKey, audience string, now time.Time) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	statement, err := jwt.ParseSigned(strings.TrimPrefix(values[0], "Bearer "), []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return "", false
	}
	var claims jwt.Claims
	if err := statement.Claims(key, &claims); err != nil || claims.Expiry == nil || claims.Subject == "" {
		return "", false
	}
	const leeway = 5 * time.Second // of clocks
	err = claims.ValidateWithLeeway(jwt.Expected{AnyAudience: jwt.Audience{audience}, Time: now}, leeway)
	return claims.Subject, err == nil
}
