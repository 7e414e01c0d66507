package ginsession_test

import (
	"log"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// A whole service: sign in, sign out, list and revoke devices, one guarded
// page.
func Example() {
	db, err := models.OpenMySQL(os.Getenv("DATABASE_DSN"))
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := ginsession.New(ginsession.Config{
		Secret:  os.Getenv("SESSION_SECRET"),
		BaseURL: os.Getenv("BASE_URL"),
		DB:      db,
	})
	if err != nil {
		log.Fatal(err)
	}

	router := gin.New()
	router.Use(gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, _ any) { c.AbortWithStatus(http.StatusInternalServerError) }))
	router.Use(sessions.Middleware())
	sessions.Routes(router.Group("/api/auth"))

	router.POST("/login", sessions.RequireOrigin(), func(c *gin.Context) {
		userID, ok := checkPassword(c)
		if !ok {
			c.Status(http.StatusUnauthorized)
			return
		}
		if _, err := sessions.SignIn(c, userID); err != nil {
			c.Status(http.StatusServiceUnavailable)
			return
		}
		c.Status(http.StatusNoContent)
	})
	router.GET("/me", sessions.RequireSession(), func(c *gin.Context) {
		c.JSON(http.StatusOK, ginsession.From(c).User)
	})
	log.Fatal(router.Run())
}

// checkPassword stands for whatever the application signs people in by.
func checkPassword(*gin.Context) (userID string, ok bool) { return "", false }
