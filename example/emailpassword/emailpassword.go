// Package emailpassword signs users up and in with an e-mail address and a
// password. It is the example's own code, not part of the suite: how people
// prove who they are is the application's business, and what it then calls is
// Manager.SignIn.
//
// Its two routes speak Better Auth's protocol, so that authClient.signUp.email
// and authClient.signIn.email work. Two things are left out on purpose: bodies
// in form encoding, which any foreign page can send, and callbackURL, which is
// ignored: where to go next is for the page to say.
//
// What a real service adds: a limit on attempts per address and account, proof
// that the e-mail address is the user's, and a way to change the password that
// calls Manager.RevokeOthers.
package emailpassword

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// Accounts keeps users and their passwords in one database. It is safe for
// concurrent use.
type Accounts struct {
	sessions *ginsession.Manager
	rows     rows
	options  Options
}

// Options are what New can do without.
type Options struct {
	// Now is the clock for the users' dates. Default time.Now.
	Now func() time.Time

	// ExposeTokens must be what it is in the sessions' Config: answers then name
	// a session by its raw token, else by its handle.
	ExposeTokens bool

	// Hasher keeps the passwords. Default: Argon2id with the parameters that the
	// OWASP recommends, which is slow on purpose; tests of something else can do
	// without.
	Hasher Hasher
}

// New makes the accounts of a database whose tables `user` and `session` are
// there already (models.Migrate). It creates its own table if that is missing.
func New(ctx context.Context, db *gorm.DB, sessions *ginsession.Manager, options Options) (*Accounts, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Hasher == nil {
		options.Hasher = newArgon()
	}
	a := &Accounts{sessions: sessions, rows: rows{db}, options: options}
	return a, a.rows.migrate(ctx)
}

// Routes mounts POST /sign-up/email and POST /sign-in/email. The group must be
// the one where the session routes are.
func (a *Accounts) Routes(group *gin.RouterGroup) {
	origin := a.sessions.RequireOrigin() // a foreign page must not sign anyone in
	group.POST("/sign-up/email", origin, answer(a.signUp))
	group.POST("/sign-in/email", origin, answer(a.signIn))
}

// user is a user on the wire, in the key order of Better Auth's database rows.
type user struct {
	Name          string  `json:"name"`
	Email         string  `json:"email"`
	EmailVerified bool    `json:"emailVerified"`
	Image         *string `json:"image"`
	CreatedAt     string  `json:"createdAt"`
	UpdatedAt     string  `json:"updatedAt"`
	ID            string  `json:"id"`
}

func wireUser(u ginsession.User) user {
	const iso = "2006-01-02T15:04:05.000Z"
	var image *string
	if u.Image != "" {
		image = &u.Image
	}
	return user{
		Name: u.Name, Email: u.Email, EmailVerified: u.EmailVerified, Image: image,
		CreatedAt: u.CreatedAt.UTC().Format(iso), UpdatedAt: u.UpdatedAt.UTC().Format(iso), ID: u.ID,
	}
}

// signUp serves POST /sign-up/email
// {"name","email","password","image"?,"rememberMe"?}. The new user is signed in.
// 200 {"token","user"}.
func (a *Accounts) signUp(c *gin.Context) (any, error) {
	body, err := readBody(c, "object", "record")
	if err != nil {
		return nil, err
	}
	name := body.text("name")
	email := body.email("email")
	password := body.filled("password")
	image := body.optionalText("image")
	remember := body.optionalBool("rememberMe", true)
	if err := body.err(); err != nil {
		return nil, err
	}
	if length(password) < minPassword {
		return nil, errPasswordTooShort
	}
	if length(password) > maxPassword {
		return nil, errPasswordTooLong
	}
	if utf8.RuneCountInString(name) > maxColumn || len(email) > maxColumn {
		return nil, errUserNotCreated
	}

	ctx := c.Request.Context()
	if _, found, err := a.rows.find(ctx, email); err != nil {
		return nil, err
	} else if found {
		return nil, errUserExists
	}
	hash, err := a.options.Hasher.Hash(ctx, password)
	if err != nil {
		return nil, err
	}
	id := newID()
	if err := a.rows.insert(ctx, newUser{id, name, email, image, hash}, a.options.Now()); err != nil {
		return nil, err
	}
	session, err := a.signInAs(c, id, remember)
	if err != nil {
		return nil, err
	}
	return struct {
		Token string `json:"token"`
		User  user   `json:"user"`
	}{a.token(session), wireUser(session.User)}, nil
}

// signIn serves POST /sign-in/email {"email","password","rememberMe"?}.
// 200 {"redirect":false,"token","user"}; an unknown address and a wrong password
// give the same 401 and cost the same work.
func (a *Accounts) signIn(c *gin.Context) (any, error) {
	body, err := readBody(c, "object")
	if err != nil {
		return nil, err
	}
	email := body.text("email")
	password := body.text("password")
	remember := body.optionalBool("rememberMe", true)
	if err := body.err(); err != nil {
		return nil, err
	}
	if !emailAddress.MatchString(email) {
		return nil, errInvalidEmail
	}
	if length(password) > maxPassword {
		return nil, errPasswordTooLong
	}

	ctx := c.Request.Context()
	account, found, err := a.rows.find(ctx, strings.ToLower(email))
	if err != nil {
		return nil, err
	}
	// Without an account the password is checked all the same, against a hash
	// that none fits: the time taken must not tell who has an account.
	if right, err := a.options.Hasher.Verify(ctx, account.hash, password); err != nil {
		return nil, err
	} else if !found || !right {
		return nil, errWrongPassword
	}
	session, err := a.signInAs(c, account.id, remember)
	if err != nil {
		return nil, err
	}
	return struct {
		Redirect bool   `json:"redirect"`
		Token    string `json:"token"`
		User     user   `json:"user"`
	}{false, a.token(session), wireUser(session.User)}, nil
}

func (a *Accounts) signInAs(c *gin.Context, userID string, remember bool) (*ginsession.Session, error) {
	var options []ginsession.SignInOption
	if !remember {
		options = append(options, ginsession.DontRemember())
	}
	session, err := a.sessions.SignIn(c, userID, options...)
	if errors.Is(err, ginsession.ErrNotFound) {
		return nil, errWrongPassword // the user was deleted a moment ago
	}
	return session, err
}

func (a *Accounts) token(s *ginsession.Session) string {
	if a.options.ExposeTokens {
		return s.Token.Reveal()
	}
	return s.Handle()
}

// answer turns what a handler returns into the response. An error that is no
// refusal means that the database or the hasher could not do its work: 503,
// which no client takes for "signed out" or "wrong password".
func answer(handle func(*gin.Context) (any, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Cache-Control", "no-store")
		c.Header("X-Content-Type-Options", "nosniff")
		body, err := handle(c)
		if err == nil {
			writeJSON(c, http.StatusOK, body)
			return
		}
		var r *refusal
		if !errors.As(err, &r) {
			slog.ErrorContext(c.Request.Context(), "emailpassword: no answer", "path", c.FullPath(), "error", err)
			c.Header("Retry-After", "1")
			r = errUnavailable
		}
		writeJSON(c, r.status, r)
	}
}

// writeJSON writes JSON as JavaScript would: <, > and & stay as they are, and
// the content type names no charset.
func writeJSON(c *gin.Context, status int, body any) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		panic("emailpassword: " + err.Error()) // a struct of strings and booleans
	}
	c.Data(status, "application/json", []byte(strings.TrimSuffix(b.String(), "\n")))
}
