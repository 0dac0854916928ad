package v2

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/directory"
)

// benchHall has fifty users with most of their fields set.
func benchHall(b *testing.B) (*hall, []directory.User) {
	h := oneHall(b)
	text := func(s string) *string { return &s }
	ctx := h.one.As(b.Context())
	var list []directory.User
	for i := range 50 {
		u, err := h.Directory.CreateUser(ctx, h.one.ID, directory.NewUser{UserInput: directory.UserInput{
			Username: text(fmt.Sprintf("user-%d", i)), Email: text(fmt.Sprintf("user-%d@example.com", i)), Phone: text(fmt.Sprintf("138000%05d", i)),
			Nickname: text("Nick"), Name: text("Name"), GivenName: text("Given"), FamilyName: text("Family"), Company: text("Company"), City: text("City"),
			Country: text("CN"), Address: text("Address"), Birthdate: text("1990-01-02"), Photo: text("https://example.com/photo.png")}})
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, *u)
	}
	return h, list
}

type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header         { return w.header }
func (w nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w nowhere) WriteHeader(int)             {}

func (h *hall) bench(b *testing.B, method, path, body string) {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Authorization", "Bearer "+h.known["key"])
	if answer := h.request(method, path, body, h.known["key"]).Body.String(); strings.Contains(answer, `"errors"`) {
		b.Fatal(answer)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		h.mux.ServeHTTP(nowhere{http.Header{}}, r)
	}
}

func BenchmarkUserDetail(b *testing.B) {
	h, users := benchHall(b)
	h.bench(b, "GET", "/api/v2/users/"+users[0].ID, "")
}

const userFields = `id arn status userPoolId username email emailVerified phone phoneVerified unionid openid nickname registerSource photo password
	oauth token tokenExpiredAt loginsCount lastLogin lastIP signedUp blocked isDeleted device browser company name givenName familyName middleName profile
	preferredUsername website gender birthdate zoneinfo locale address formatted streetAddress locality region postalCode city province country
	createdAt updatedAt externalId phoneCountryCode`

func BenchmarkUsers50(b *testing.B) {
	h, _ := benchHall(b)
	body, _ := json.Marshal(map[string]string{"query": `{users(page: 1, limit: 50) {totalCount list {` + userFields + `}}}`})
	h.bench(b, "POST", "/graphql/v2", string(body))
}

// What the list above consists of: reading the users, making their views, and encoding these.
func BenchmarkUsers50Parts(b *testing.B) {
	h, _ := benchHall(b)
	query := directory.UserQuery{Page: directory.Page{Page: 1, Limit: 50}}
	users, _, err := h.Directory.Users(b.Context(), h.one.ID, query)
	if err != nil {
		b.Fatal(err)
	}
	views, err := h.api.show(b.Context(), h.one.ID, users, detail{})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := h.Directory.Users(b.Context(), h.one.ID, query); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("view", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := h.api.show(b.Context(), h.one.ID, users, detail{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := json.MarshalWrite(io.Discard, views, encoding); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkManagementToken(b *testing.B) {
	h := oneHall(b)
	body, _ := json.Marshal(map[string]string{"query": `{accessToken(userPoolId: "` + h.one.ID + `", secret: "` + h.one.Secret + `") {accessToken exp iat}}`})
	h.bench(b, "POST", "/graphql/v2", string(body))
}
