package fromscs

import (
	"errors"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// schema is for Config.Schema; its Migrate adds the column.
var schema = models.Schema{Session: models.Table{Fields: []models.Field{
	{Name: "carriedOver", Type: models.Boolean},
}}}

// withOld is the service as it is while users move.
func withOld(router *gin.Engine, sessions *ginsession.Manager, old *scs.SessionManager, until time.Time, page gin.HandlerFunc) http.Handler {
	router.GET("/", carryOver(sessions, old, until), page)
	return old.LoadAndSave(router)
}

// carryOver gives a browser that still has an old session one of ours, once, until
// the day on which the last old session has ended.
func carryOver(sessions *ginsession.Manager, old *scs.SessionManager, until time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		userID := old.GetString(c.Request.Context(), "userID")
		if userID == "" || time.Now().After(until) {
			return
		}
		if _, err := sessions.Load(c); errors.Is(err, ginsession.ErrNoSession) {
			carried := ginsession.WithFields(map[string]any{"carriedOver": true})
			if _, err := sessions.SignIn(c, userID, carried); err != nil && !errors.Is(err, ginsession.ErrNotFound) {
				return // the old session stays for another try
			}
		} else if err != nil {
			return // the store could not tell
		}
		if err := old.Destroy(c.Request.Context()); err != nil {
			_ = c.Error(err)
		}
	}
}

// provedHere stands behind RequireFresh: a session that was carried over is young,
// but nobody gave a password for it.
func provedHere(c *gin.Context) {
	if ginsession.From(c).Fields["carriedOver"] == true {
		c.AbortWithStatusJSON(http.StatusForbidden, gin.H{"code": "SESSION_NOT_FRESH", "message": "Sign in again"})
	}
}
