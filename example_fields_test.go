package ginsession_test

import (
	"context"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/models"
)

// Sessions with fields of the application's, beside a table of users that was
// there before.
func ExampleManager_SetFields() {
	schema := models.Schema{
		User:           models.Table{Name: "users", Columns: map[string]string{"name": "full_name", "image": models.Absent}},
		IntegerUserIDs: true,
		Session: models.Table{Fields: []models.Field{
			{Name: "theme", Input: true, Returned: true}, // clients write and read it
			{Name: "organizationId", Returned: true},     // the application writes it
		}},
	}
	db, err := models.OpenMySQL(os.Getenv("DATABASE_DSN"))
	if err != nil {
		panic(err)
	}
	if err := schema.Migrate(context.Background(), db); err != nil {
		panic(err)
	}
	sessions, err := ginsession.New(ginsession.Config{
		Secret:  os.Getenv("SESSION_SECRET"),
		BaseURL: os.Getenv("BASE_URL"),
		DB:      db,
		Schema:  schema,
	})
	if err != nil {
		panic(err)
	}

	router := gin.New()
	router.POST("/organizations/:id/enter", sessions.RequireOrigin(), sessions.RequireStore(), func(c *gin.Context) {
		// Whether the user belongs to it is the application's to check.
		if _, err := sessions.SetFields(c, map[string]any{"organizationId": c.Param("id")}); err != nil {
			c.Status(http.StatusServiceUnavailable)
			return
		}
		c.Status(http.StatusNoContent)
	})
}
