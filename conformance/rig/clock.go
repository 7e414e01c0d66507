package rig

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/testhook"
)

// moveClock serves POST /__clock {"advance":"25h"}. 200 {"now": ISO time}.
func (r *Rig) moveClock(c *gin.Context) {
	var body struct {
		Advance string `json:"advance"`
	}
	if err := c.ShouldBindJSON(&body); err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"message": err.Error()})
		return
	}
	by, err := time.ParseDuration(body.Advance)
	if err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"message": err.Error()})
		return
	}
	r.clock.advance(by)
	c.JSON(http.StatusOK, gin.H{"now": r.clock.now().UTC().Format(isoTime)})
}

// timed sets the clock to the time in the header, if one is named.
func (r *Rig) timed(header string, next http.Handler) http.Handler {
	if header == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		at, err := time.Parse(time.RFC3339Nano, req.Header.Get(header))
		if err != nil {
			http.Error(w, fmt.Sprintf("the header %s must hold the time of the request: %v", header, err), http.StatusBadRequest)
			return
		}
		r.clock.set(at)
		testhook.Forget(r.Sessions)
		next.ServeHTTP(w, req)
	})
}

const isoTime = "2006-01-02T15:04:05.000Z"

// A clock is time.Now, moved, or a fixed time. Its zero value is time.Now.
type clock struct {
	offset atomic.Int64 // nanoseconds
	fixed  atomic.Pointer[time.Time]
}

func (c *clock) now() time.Time {
	if t := c.fixed.Load(); t != nil {
		return *t
	}
	return time.Now().Add(time.Duration(c.offset.Load()))
}

func (c *clock) advance(by time.Duration) { c.offset.Add(int64(by)) }

func (c *clock) set(t time.Time) { c.fixed.Store(&t) }
