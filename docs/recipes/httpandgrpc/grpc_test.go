package httpandgrpc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
	"github.com/ginsession/ginsession/sessiontest"
)

// notes is what protoc-gen-go-grpc would make of a service that answers whose
// notes it has.
func notes(owner func(context.Context) string) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{ServiceName: "recipes.Notes", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
		MethodName: "Owner",
		Handler: func(server any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
			request := new(emptypb.Empty)
			if err := decode(request); err != nil {
				return nil, err
			}
			handle := func(ctx context.Context, _ any) (any, error) { return wrapperspb.String(owner(ctx)), nil }
			if intercept == nil {
				return handle(ctx, request)
			}
			return intercept(ctx, request, &grpc.UnaryServerInfo{Server: server, FullMethod: "/recipes.Notes/Owner"}, handle)
		},
	}}}
}

// An authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	self := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a := authority{certificate: self, pool: x509.NewCertPool()}
	made := a.sign(t, self)
	a.key = made.PrivateKey.(*ecdsa.PrivateKey)
	a.certificate = made.Leaf
	a.pool.AddCert(made.Leaf)
	return a
}

func (a authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	return a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	})
}

// sign makes a key and its certificate, which signs itself if the authority has no
// key yet.
func (a authority) sign(t *testing.T, template *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer := a.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// client is the gateway's, or another's, side of TLS.
func (a authority) client(t *testing.T, name string) *tls.Config {
	t.Helper()
	return &tls.Config{Certificates: []tls.Certificate{a.issue(t, name)}, RootCAs: a.pool, ServerName: "notes.internal"}
}

// serve runs the service and returns its address.
func (a authority) serve(t *testing.T, believe grpc.UnaryServerInterceptor) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(believe), grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{a.issue(t, "notes.internal")},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    a.pool,
	})))
	server.RegisterService(notes(userID), nil)
	go func() { _ = server.Serve(listener) }() // until Stop
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

func connected(t *testing.T, conn *grpc.ClientConn, err error) *grpc.ClientConn {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// get asks the gateway as a browser that lies about who it is.
func get(sessions *ginsession.Manager, conn *grpc.ClientConn, cookies sessiontest.Cookies) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/notes", nil)
	r.Header.Set(userKey, "grace")
	cookies.AddTo(r)
	w := httptest.NewRecorder()
	newGateway(sessions, conn).ServeHTTP(w, r)
	return w
}

func ask(ctx context.Context, conn *grpc.ClientConn, options ...grpc.CallOption) (string, error) {
	owner := new(wrapperspb.StringValue)
	err := conn.Invoke(ctx, "/recipes.Notes/Owner", new(emptypb.Empty), owner, options...)
	return owner.GetValue(), err
}

func TestUserIDFromTheGateway(t *testing.T) {
	sessions := sessiontest.NewManager(t)
	ada := sessiontest.SignIn(t, sessions, "ada")
	internal := newAuthority(t)
	address := internal.serve(t, toldBy("gateway.internal"))

	conn, err := dial(address, internal.client(t, "gateway.internal"))
	conn = connected(t, conn, err)
	if w := get(sessions, conn, ada); w.Code != http.StatusOK || w.Body.String() != "the notes of ada" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	if w := get(sessions, conn, nil); w.Code != http.StatusUnauthorized {
		t.Errorf("without a session: got %d", w.Code)
	}
	if _, err := ask(t.Context(), conn); status.Code(err) != codes.Unauthenticated {
		t.Errorf("outside of any request: %v", err)
	}

	stranger, err := dial(address, internal.client(t, "mail.internal"))
	if w := get(sessions, connected(t, stranger, err), ada); w.Code != http.StatusBadGateway {
		t.Errorf("another service speaks for a user: got %d %q", w.Code, w.Body)
	}
}

func TestServiceTakesOneUserFromTheGatewayAlone(t *testing.T) {
	internal := newAuthority(t)
	address := internal.serve(t, toldBy("gateway.internal"))
	tests := []struct {
		name, certificate string
		users             []string
		want              codes.Code
	}{
		{"the gateway", "gateway.internal", []string{"ada"}, codes.OK},
		{"the gateway for nobody", "gateway.internal", nil, codes.Unauthenticated},
		{"the gateway for an empty id", "gateway.internal", []string{""}, codes.Unauthenticated},
		{"the gateway for two", "gateway.internal", []string{"ada", "grace"}, codes.Unauthenticated},
		{"another service", "mail.internal", []string{"ada"}, codes.Unauthenticated},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(internal.client(t, test.certificate))))
			ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{userKey: test.users})
			if _, err := ask(ctx, connected(t, conn, err)); status.Code(err) != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestStatementOfTheGateway(t *testing.T) {
	sessions := sessiontest.NewManager(t)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	internal := newAuthority(t)
	conn, err := grpc.NewClient(internal.serve(t, stated(public, "notes")),
		grpc.WithTransportCredentials(credentials.NewTLS(internal.client(t, "any.internal"))),
		grpc.WithPerRPCCredentials(statements{private, "notes"}))
	conn = connected(t, conn, err)
	if w := get(sessions, conn, sessiontest.SignIn(t, sessions, "ada")); w.Body.String() != "the notes of ada" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	if _, err := ask(t.Context(), conn); status.Code(err) != codes.Unauthenticated {
		t.Errorf("outside of any request: %v", err)
	}
}

func TestStatementIsForOneServiceAndHalfAMinute(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, strangers, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	made := func(key ed25519.PrivateKey, audience, userID string) string {
		statement, err := statements{key, audience}.of(userID, now)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + statement
	}
	good := made(private, "notes", "ada")
	tests := []struct {
		name   string
		values []string
		age    time.Duration
		want   bool
	}{
		{"new", []string{good}, 0, true},
		{"half a minute old", []string{good}, 30 * time.Second, true},
		{"older", []string{good}, 37 * time.Second, false}, // seconds are rounded, and clocks differ by 5
		{"for another service", []string{made(private, "mail", "ada")}, 0, false},
		{"for nobody", []string{made(private, "notes", "")}, 0, false},
		{"signed by another", []string{made(strangers, "notes", "ada")}, 0, false},
		{"changed", []string{good[:len(good)-4] + "AAAA"}, 0, false},
		{"two", []string{good, good}, 0, false},
		{"none", nil, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if id, ok := subject(test.values, public, "notes", now.Add(test.age)); ok != test.want || ok && id != "ada" {
				t.Errorf("got %q, %v", id, ok)
			}
		})
	}
}

func TestServiceThatVerifiesByItself(t *testing.T) {
	store := sessiontest.NewStore()
	store.AddUser(models.User{ID: "ada", Name: "ada", Email: "ada@example.com", CreatedAt: time.Now(), UpdatedAt: time.Now()})
	shared := func(c *ginsession.Config) { c.Store, c.Bearer.Enabled = store, true }
	gateway, sessions := sessiontest.NewManager(t, shared), sessiontest.NewManager(t, shared)

	server := grpc.NewServer()
	server.RegisterService(notes(func(ctx context.Context) string { return ginsession.FromContext(ctx).UserID }), nil)
	t.Cleanup(server.Stop)
	web := httptest.NewUnstartedServer(newVerifying(sessions, server))
	web.EnableHTTP2 = true
	web.StartTLS()
	t.Cleanup(web.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(web.Certificate())
	conn, err := grpc.NewClient(web.Listener.Addr().String(),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: trusted, ServerName: "example.com"})))
	conn = connected(t, conn, err)

	header := bearer("Bearer " + sessiontest.SignIn(t, gateway, "ada")[0].Value)
	if owner, err := ask(t.Context(), conn, grpc.PerRPCCredentials(header)); owner != "ada" || err != nil {
		t.Errorf("got %q, %v", owner, err)
	}
	if _, err := ask(t.Context(), conn); status.Code(err) != codes.Unauthenticated {
		t.Errorf("without a token: %v", err)
	}
	store.Before(func(context.Context, string) error { return errors.New("away") })
	if _, err := ask(t.Context(), conn, grpc.PerRPCCredentials(header)); status.Code(err) != codes.Unavailable {
		t.Errorf("without a database: %v", err)
	}
	store.Before(nil)
	if _, err := gateway.RevokeAll(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t.Context(), conn, grpc.PerRPCCredentials(header)); status.Code(err) != codes.Unauthenticated {
		t.Errorf("after the session ended: %v", err)
	}
	if text := fmt.Sprint(header); text != "[redacted]" {
		t.Errorf("prints %q", text)
	}
}
