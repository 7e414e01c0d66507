package fromgincontribsessions

import (
	"errors"
	"net/http"
	"time"

	gincontrib "github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// routePages mounts the page as it is while users move.
func routePages(router *gin.Engine, sessions *ginsession.Manager, old gincontrib.Store, until time.Time, page gin.HandlerFunc) {
	router.GET("/", gincontrib.Sessions("session", old), carryOver(sessions, until), page)
}

// carryOver gives a browser that still has an old session one of ours, once, until
// the day on which the last old session has ended.
func carryOver(sessions *ginsession.Manager, until time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		old := gincontrib.Default(c)
		userID, ok := old.Get("user_id").(string)
		if !ok || time.Now().After(until) {
			return
		}
		if _, err := sessions.Load(c); errors.Is(err, ginsession.ErrNoSession) {
			carried := ginsession.WithFields(map[string]any{"carriedOver": true})
			if _, err := sessions.SignIn(c, userID, carried); err != nil && !errors.Is(err, ginsession.ErrNotFound) {
				return // the old cookie stays for another try
			}
		} else if err != nil {
			return // the store could not tell
		}
		old.Clear()
		old.Options(gincontrib.Options{Path: "/", MaxAge: -1}) // Path and Domain of the old cookie
		if err := old.Save(); err != nil {
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
