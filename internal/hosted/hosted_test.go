package hosted

import (
	"net/http"
	"net/http/httptest"
	"time"
)

func clock() time.Time { return time.Unix(1_790_000_000, 0) }

func request(path string) *http.Request { return httptest.NewRequest("GET", path, nil) }
