package v3

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
)

// benchWire sends one request again and again, each time with a nonce and a signature of its own.
type benchWire struct {
	mux     http.Handler
	request *http.Request
	body    string
	key     string
	toSign  string // with NONCE and DATE in their places
	secret  []byte
	n       uint64
	answer  answerRecorder
}

// answerRecorder keeps the body of the last answer.
type answerRecorder struct {
	header http.Header
	body   strings.Builder
}

func (a *answerRecorder) Header() http.Header         { return a.header }
func (a *answerRecorder) WriteHeader(int)             {}
func (a *answerRecorder) Write(b []byte) (int, error) { return a.body.Write(b) }

func newBenchWire(b *testing.B, h *apiHall, method, path, params string) *benchWire {
	b.Helper()
	w := &benchWire{mux: h.mux, key: h.pool.KeyID, secret: []byte(h.pool.KeySecret)}
	target := path
	fields := mustRead(b, params).(map[string]any)
	if method == http.MethodGet {
		target += "?"
		for name, v := range fields {
			target += name + "=" + v.(string) + "&"
		}
		target = strings.TrimSuffix(target, "&")
	} else {
		w.body = params
	}
	w.request = httptest.NewRequest(method, target, nil)
	w.request = w.request.WithContext(caller.With(b.Context(), &caller.Caller{RequestID: "r", ClientIP: "192.0.2.7"}))
	w.request.Header = http.Header{headerMethod: {"HMAC-SHA1"}, headerVersion: {"1.0"}, headerNonce: {""}, "Date": {""},
		"X-Authing-Lang": {"zh-CN"}, "Content-Type": {"application/json"}, "X-Authing-Sdk-Version": {"1"}, "Authorization": {""}}
	w.request.Header.Set(headerNonce, "NONCE")
	w.request.Header.Set("Date", "DATE")
	w.toSign = toSign(method, path, w.request.Header, fields)
	w.answer.header = http.Header{}
	return w
}

// once sends the request and returns the answer's body.
func (w *benchWire) once(b *testing.B) string {
	w.n++
	var nonce [8]byte
	for i := range nonce {
		nonce[i] = byte(w.n >> (8 * i))
	}
	text := hex.EncodeToString(nonce[:])
	date := time.Now().UTC().Format(http.TimeFormat)
	mac := hmac.New(sha1.New, w.secret)
	io.WriteString(mac, strings.NewReplacer("NONCE", text, "DATE", date).Replace(w.toSign))
	w.request.Header[headerNonce][0], w.request.Header["Date"][0] = text, date
	w.request.Header["Authorization"][0] = "authing " + w.key + ":" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	w.request.Body = io.NopCloser(strings.NewReader(w.body))
	w.answer.body.Reset()
	w.mux.ServeHTTP(&w.answer, w.request)
	body := w.answer.body.String()
	if !strings.HasPrefix(body, `{"statusCode":200`) {
		b.Fatal(body)
	}
	return body
}

func benchmark(b *testing.B, method, path, params string, want int) {
	dsn := filepath.Join(b.TempDir(), "guildhall.db")
	if _, _, err := db.Migrate(b.Context(), dsn); err != nil {
		b.Fatal(err)
	}
	d, err := db.Open(b.Context(), db.Options{DSN: dsn})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	h := newAPI(b, d)
	list := make([]string, 50)
	for i := range list {
		list[i] = strings.NewReplacer(`"ann"`, fmt.Sprintf(`"ann%d"`, i), "Ann@", fmt.Sprintf("ann%d@", i), "13800000001", fmt.Sprint(13800000001+i), `"x1"`, fmt.Sprintf(`"x%d"`, i)).
			Replace("{" + everyField + "}")
	}
	made := h.client().send(b, "POST", "/api/v3/create-users-batch", canonical(b, `{"list":[`+strings.Join(list, ",")+`]}`))
	if made.StatusCode != 200 {
		b.Fatal(made.Text)
	}
	params = strings.ReplaceAll(params, "{u}", fmt.Sprint(dig(made.Data, "0.userId")))
	w := newBenchWire(b, h, method, path, params)
	if n := strings.Count(w.once(b), `"userId"`); n != want {
		b.Fatalf("%d users", n)
	}
	b.ReportAllocs()
	for b.Loop() {
		w.once(b)
	}
}

// BenchmarkGetUser is one signed call of getUser through the handler, without HTTP's own part.
func BenchmarkGetUser(b *testing.B) {
	benchmark(b, "GET", "/api/v3/get-user", `{"userId":"{u}","userIdType":"user_id"}`, 1)
}

// BenchmarkListUsers50 is one signed call of listUsers that shows 50 whole users.
func BenchmarkListUsers50(b *testing.B) {
	benchmark(b, "POST", "/api/v3/list-users", `{"options":{"pagination":{"limit":50}}}`, 50)
}
