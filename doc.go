// Package ginsession manages sessions for Gin: it issues, loads, renews, lists
// and revokes them, and serves the routes that a front end needs to do the
// same. It speaks Better Auth's session protocol, so that the official client
// from npm works against it unmodified, and a Gin service and a Better Auth
// server can share one database, one secret and one cookie.
//
//	sessions, err := ginsession.New(ginsession.Config{
//		Secret:  os.Getenv("SESSION_SECRET"),
//		BaseURL: os.Getenv("BASE_URL"),
//		DB:      db, // models.OpenMySQL(dsn), or any *gorm.DB
//	})
//	if err != nil { … }
//	router.Use(sessions.Middleware())
//	sessions.Routes(router.Group("/api/auth"))
//
//	router.POST("/login", func(c *gin.Context) {
//		user, ok := checkPassword(c) // the application's own business
//		if !ok { … }
//		if _, err := sessions.SignIn(c, user.ID); err != nil { … }
//	})
//	router.GET("/me", sessions.RequireSession(), func(c *gin.Context) {
//		c.JSON(http.StatusOK, ginsession.From(c).User)
//	})
//
// # Words
//
// A session is a row in a table: one user, signed in on one device. Its token
// is the secret in the session cookie, signed; its handle is what JSON calls it
// by, good for revoking and for nothing else. A session expires; reading it
// renews it now and then. It is fresh for a while after it was created, not
// after it was renewed. The store is the truth about sessions; the cookie cache
// is a signed copy in a second cookie, which saves store reads and may be
// Config.CookieCache.MaxAge old; a revocation feed tells processes which copies
// not to believe. With MultiSession a device holds several
// sessions, one of them active, each in a device cookie of its own. Additional
// fields are columns of the application's, declared in a models.Schema.
//
// # Three answers
//
// Asking for a session has three outcomes: there is one, there is none
// ([ErrNoSession]), or the store could not tell ([ErrStore]). The third is
// never taken for the second: guards answer 503, and no cookie is touched. A
// database that is down signs nobody out.
//
// # Where to read on
//
// [Config] explains every option, [Manager] has the methods, [Store] what a
// store must do. Package models is the store on GORM with its migration and
// OpenMySQL; package cookiecache holds the formats of the copy.
package ginsession
