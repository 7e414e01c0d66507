package ginsession

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/strictjson"
	"github.com/ginsession/ginsession/models"
)

// WithFields sets additional fields of the new session, whether clients may
// write them or not. Fields left out have their default. SignIn and Create
// return an error if a field is not declared in Config.Schema or is of another
// type.
func WithFields(fields map[string]any) SignInOption {
	return signInOption(func(c *creation) { c.fields = fields })
}

// SetFields writes additional fields of the request's session, whether clients
// may write them or not, and rewrites the cookie cache. The session is
// returned, and From sees it, as it stands then. What is not named stays.
//
// It reads the store. It returns ErrStarted as SignIn does, ErrNoSession if
// there is none (any more), an error that wraps ErrStore if the store could not
// tell, and another if a field is not declared in Config.Schema, is of another
// type or holds what its column cannot: then nothing has changed.
func (m *Manager) SetFields(c *gin.Context, fields map[string]any) (*Session, error) {
	if !writable(c) {
		return nil, ErrStarted
	}
	values, err := fieldValues(m.sessionFields, fields)
	if err != nil {
		return nil, err
	}
	p := m.present(c.Request)
	ctx := m.bounded(c.Request.Context())
	o := m.loadToChange(ctx, c, &p, how{})
	if o.err != nil {
		return nil, o.err
	}
	if len(values) == 0 {
		return m.session(o.row, o.user, false), nil
	}
	if _, err := m.update(ctx, c, &p, &o, values); err != nil {
		return nil, err
	}
	return From(c), nil
}

// fieldValues checks values that the application gives.
func fieldValues(declared []models.Field, given map[string]any) (map[string]any, error) {
	values := make(map[string]any, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		i := slices.IndexFunc(declared, func(f models.Field) bool { return f.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("ginsession: the session has no field %q: declare it in Config.Schema", name)
		}
		value, err := declared[i].Value(given[name])
		if err != nil {
			return nil, fmt.Errorf("ginsession: %w", err)
		}
		values[name] = value
	}
	return values, nil
}

// newFields are the fields of a session that is made: those given, over the
// defaults.
func newFields(declared []models.Field, given map[string]any) (map[string]any, error) {
	if len(declared) == 0 && len(given) == 0 {
		return nil, nil
	}
	values, err := fieldValues(declared, given)
	if err != nil {
		return nil, err
	}
	for _, field := range declared {
		if _, ok := values[field.Name]; !ok {
			values[field.Name], _ = field.Value(field.Default) // checked in New
		}
	}
	return values, nil
}

// errUnstorable: a value has the right type and its column cannot hold it.
var errUnstorable = errors.New("ginsession: a field holds what its column cannot")

// update writes fields of a session just read, and its cookies: as Better Auth
// does the session cookie too, for as long as a new session lives.
func (m *Manager) update(ctx context.Context, c *gin.Context, p *presented, o *outcome, values map[string]any) (models.Session, error) {
	now := m.clock()
	ctx, cancel := m.storeContext(ctx)
	defer cancel()
	row, err := m.store.Update(ctx, o.row, values, now)
	var bad *models.Error
	switch {
	case errors.Is(err, models.ErrNotFound):
		if m.replaced.recently(o.row.Token, now) {
			m.know(c, loaded{err: ErrNoSession})
		} else {
			m.signedOut(c, p)
		}
		return row, errRevokedMeanwhile
	case errors.As(err, &bad) && bad.Class == models.BadValue:
		return row, errUnstorable
	case err != nil:
		return row, fmt.Errorf("%w: %w", ErrStore, err)
	}
	m.activate(c, p, original{row: row, user: o.user, readAt: o.issuedAt, userInCacheOrder: o.confirmed})
	return row, nil
}

// updateSession serves POST /update-session: a JSON object with additional
// fields. Those that clients may not write, the core's and unknown names
// included, change nothing.
//
//	200 {"session":{}}
//	400 VALIDATION_ERROR             the body is no object, or a field has
//	                                 another type (Better Auth: an empty 500)
//	400 FIELD_NOT_ALLOWED            a field without Input
//	400 (no code)                    nothing to update
//	401 FAILED_TO_GET_SESSION        ended meanwhile
func (m *Manager) updateSession(c *gin.Context) {
	body, ok := m.post(c)
	if !ok {
		return
	}
	if kind := strictjson.KindOf(body); kind != strictjson.KindObject {
		refuse(c, invalid("body", "record", kind))
		return
	}
	ctx := m.bounded(c.Request.Context())
	p := m.present(c.Request)
	o, ok := m.caller(ctx, c, &p, how{confirm: true})
	if !ok {
		return
	}
	values, fault := inputFields(m.sessionFields, body)
	if fault != nil {
		refuse(c, fault)
		return
	}
	switch row, err := m.update(ctx, c, &p, &o, values); {
	case errors.Is(err, errUnstorable):
		refuse(c, refused(http.StatusBadRequest, "VALIDATION_ERROR", "A field holds what cannot be stored"))
	case isAnswer(err):
		refuse(c, sessionGone)
	case err != nil:
		m.storeFailed(c, err)
		refuse(c, unavailable)
	default:
		body := append(make([]byte, 0, 512), `{"session":`...)
		answerBuilt(c, append(m.appendStored(body, row, m.publicToken(row.Token)), '}'))
	}
}

// inputFields reads what a client may write, in the order of declaration, by
// which the first fault is found.
func inputFields(declared []models.Field, body string) (map[string]any, *refusal) {
	given := map[string]string{}
	members(body, func(key, value string) bool {
		given[key] = value
		return true
	})
	values := map[string]any{}
	for _, field := range declared {
		raw, ok := given[field.Name]
		switch {
		case !ok:
		case !field.Input && truthy(raw):
			return nil, refused(http.StatusBadRequest, "FIELD_NOT_ALLOWED", field.Name+" is not allowed to be set")
		case !field.Input:
		default:
			value, ok := fieldValue(field.Type, raw)
			if !ok {
				return nil, invalid("body."+field.Name, wanted[field.Type], strictjson.KindOf(raw))
			}
			values[field.Name] = value
		}
	}
	if len(values) == 0 {
		return nil, nothingToUpdate
	}
	return values, nil
}

// wanted is zod's word for what a field takes.
var wanted = map[models.Type]string{models.String: "string", models.Number: "int", models.Boolean: "boolean", models.Date: "ISO datetime"}
