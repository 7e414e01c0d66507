package bench

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	ginjwt "github.com/appleboy/gin-jwt/v2"
	ginsessions "github.com/gin-contrib/sessions"
	gincookie "github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
)

// Peers that keep everything in a cookie. Each holds the same 300 bytes of a
// session, and decodes them for each request, as its documentation shows.

// A visit is what peers keep.
type visit struct {
	ID        string `json:"id"`
	UserID    string `json:"userId"`
	Name      string `json:"name"`
	Email     string `json:"email"`
	IPAddress string `json:"ipAddress"`
	UserAgent string `json:"userAgent"`
	CreatedAt int64  `json:"createdAt"`
	ExpiresAt int64  `json:"expiresAt"`
}

func newVisit() visit {
	now := time.Now()
	return visit{
		ID: rand.Text(), UserID: ada, Name: "Ada Lovelace", Email: "ada@example.com", IPAddress: "203.0.113.7", UserAgent: userAgent,
		CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(week).UnixMilli(),
	}
}

const week = 7 * 24 * time.Hour

// sessionCookie is a peer's cookie where it leaves writing it to the application.
func sessionCookie(name, value string) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(week / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// keys are for signing alone: that is what most of the peers' examples do.
var keys = []byte(secret)

func secureCookieJSON(testing.TB) *site {
	codec := securecookie.New(keys, nil)
	codec.SetSerializer(securecookie.JSONEncoder{})
	engine := gin.New()
	engine.POST("/sign-in", func(c *gin.Context) {
		value, err := codec.Encode("session", newVisit())
		if err == nil {
			http.SetCookie(c.Writer, sessionCookie("session", value))
		}
		done(c, err)
	})
	engine.GET("/me", func(c *gin.Context) {
		var v visit
		if cookie, err := c.Request.Cookie("session"); err == nil {
			_ = codec.Decode("session", cookie.Value, &v)
		}
		answer(c, v.UserID)
	})
	return &site{handler: engine}
}

// secureCookieNop is what a strategy on securecookie cannot be faster than: beside
// the session cookie one that is only encrypted and signed, with as many bytes as
// our cookie cache holds.
func secureCookieNop(testing.TB) *site {
	codec := securecookie.New(keys, []byte("an encryption key of 32 bytes...")).MaxLength(0)
	codec.SetSerializer(securecookie.NopEncoder{})
	payload := []byte(ada + strings.Repeat("x", 753-len(ada)))
	engine := gin.New()
	engine.POST("/sign-in", func(c *gin.Context) {
		setToken(c, newToken())
		value, err := codec.Encode("session", bytes.Clone(payload)) // it encrypts in place
		if err == nil {
			http.SetCookie(c.Writer, sessionCookie("session", value))
		}
		done(c, err)
	})
	engine.GET("/me", func(c *gin.Context) {
		var read []byte
		if _, ok := tokenByHand(c); ok {
			_ = codec.Decode("session", presented(c.Request, "session="), &read)
		}
		if bytes.HasPrefix(read, []byte(ada)) {
			answer(c, ada)
		} else {
			answer(c, "")
		}
	})
	return &site{handler: engine}
}

// claims are a visit in a JWT.
type claims struct {
	visit
	jwt.RegisteredClaims
}

func golangJWT(testing.TB) *site {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
	key := func(*jwt.Token) (any, error) { return keys, nil }
	engine := gin.New()
	engine.POST("/sign-in", func(c *gin.Context) {
		v := claims{visit: newVisit()}
		v.RegisteredClaims.ExpiresAt = jwt.NewNumericDate(time.Now().Add(week))
		value, err := jwt.NewWithClaims(jwt.SigningMethodHS256, v).SignedString(keys)
		if err == nil {
			http.SetCookie(c.Writer, sessionCookie("session", value))
		}
		done(c, err)
	})
	engine.GET("/me", func(c *gin.Context) {
		var v claims
		if cookie, err := c.Request.Cookie("session"); err == nil {
			if _, err := parser.ParseWithClaims(cookie.Value, &v, key); err != nil {
				v.UserID = ""
			}
		}
		answer(c, v.UserID)
	})
	return &site{handler: engine}
}

func ginJWT(tb testing.TB) *site {
	middleware, err := ginjwt.New(&ginjwt.GinJWTMiddleware{
		Realm: "bench", Key: keys, Timeout: week, IdentityKey: "userId",
		SendCookie: true, CookieHTTPOnly: true, CookieName: "session", TokenLookup: "cookie:session",
		PayloadFunc: func(data any) ginjwt.MapClaims {
			v := data.(visit)
			return ginjwt.MapClaims{
				"id": v.ID, "userId": v.UserID, "name": v.Name, "email": v.Email, "ipAddress": v.IPAddress,
				"userAgent": v.UserAgent, "createdAt": v.CreatedAt, "expiresAt": v.ExpiresAt,
			}
		},
		Authenticator: func(*gin.Context) (any, error) { return newVisit(), nil },
		LoginResponse: func(c *gin.Context, _ int, _ string, _ time.Time) { c.Status(http.StatusNoContent) },
		Unauthorized:  func(c *gin.Context, _ int, _ string) { answer(c, "") },
	})
	if err != nil {
		tb.Fatal(err)
	}
	engine := gin.New()
	engine.POST("/sign-in", middleware.LoginHandler)
	engine.GET("/me", middleware.MiddlewareFunc(), func(c *gin.Context) {
		id, _ := ginjwt.ExtractClaims(c)["userId"].(string)
		answer(c, id)
	})
	return &site{handler: engine}
}

func gorillaCookie(testing.TB) *site {
	store := sessions.NewCookieStore(keys)
	store.Options = &sessions.Options{Path: "/", MaxAge: int(week / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode}
	engine := gin.New()
	engine.POST("/sign-in", func(c *gin.Context) {
		session, err := store.Get(c.Request, "session")
		if err == nil {
			for name, value := range newVisit().values() {
				session.Values[name] = value
			}
			err = session.Save(c.Request, c.Writer)
		}
		done(c, err)
	})
	engine.GET("/me", func(c *gin.Context) {
		session, _ := store.Get(c.Request, "session") // without a session beside an error
		id, _ := session.Values["userId"].(string)
		answer(c, id)
	})
	return &site{handler: engine}
}

// values are a visit as peers keep it that have no types.
func (v visit) values() map[string]any {
	return map[string]any{
		"id": v.ID, "userId": v.UserID, "name": v.Name, "email": v.Email, "ipAddress": v.IPAddress, "userAgent": v.UserAgent,
		"createdAt": v.CreatedAt, "expiresAt": v.ExpiresAt,
	}
}

func ginContribCookie(testing.TB) *site {
	return &site{handler: ginContrib(gincookie.NewStore(keys))}
}

// ginContrib is gin-contrib/sessions on any of its stores.
func ginContrib(store ginsessions.Store) *gin.Engine {
	store.Options(ginsessions.Options{Path: "/", MaxAge: int(week / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode})
	engine := gin.New()
	engine.Use(ginsessions.Sessions("session", store))
	engine.POST("/sign-in", func(c *gin.Context) {
		session := ginsessions.Default(c)
		for name, value := range newVisit().values() {
			session.Set(name, value)
		}
		done(c, session.Save())
	})
	engine.GET("/me", func(c *gin.Context) {
		id, _ := ginsessions.Default(c).Get("userId").(string)
		answer(c, id)
	})
	engine.POST("/save", func(c *gin.Context) {
		session := ginsessions.Default(c)
		session.Set("expiresAt", time.Now().Add(week).UnixMilli())
		done(c, session.Save())
	})
	engine.POST("/sign-out", func(c *gin.Context) {
		session := ginsessions.Default(c)
		session.Options(ginsessions.Options{Path: "/", MaxAge: -1})
		done(c, session.Save())
	})
	return engine
}
