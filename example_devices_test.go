package ginsession_test

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// A page in German. Module device has a Describe that knows browsers by name.
func ExampleManager_DevicesPage() {
	var sessions *ginsession.Manager // of ginsession.New
	page := sessions.DevicesPage(ginsession.DevicesPage{
		SignInURL: "/anmelden",
		Describe: func(userAgent string, _ http.Header) (browser, system, device string) {
			if version, ok := strings.CutPrefix(userAgent, "OurApp/"); ok {
				browser = "Unsere App " + version
			}
			return browser, "", ""
		},
		Texts: ginsession.DevicesTexts{
			Lang:          "de",
			Title:         "Ihre Geräte",
			SignOut:       "Abmelden",
			SignOutDevice: "{device} abmelden", // what a screen reader says of the button
			// … and all the others; what is left empty is said in English
		},
	})
	router := gin.New()
	router.GET("/geraete", page)
	router.POST("/geraete", page)
}
