module github.com/ginsession/ginsession/device

go 1.26.0

require (
	github.com/dunglas/httpsfv v1.1.2
	github.com/mileusna/useragent v1.3.5
)
