package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// bench is a filled server and what calls to it need.
type bench struct {
	server *server
	c      credentials
	token  string // V3 management token
	token2 string // V2 management token
	ids    []string
	run    string // makes names of this run unlike those of others on one database
	listV2 []byte
}

func prepare(s *server, c credentials) (*bench, error) {
	b := &bench{server: s, c: c, run: fmt.Sprintf("%x", time.Now().UnixNano())}
	var token struct {
		Data struct {
			AccessToken string `json:"access_token"`
		} `json:"data"`
	}
	if err := b.call("/api/v3/get-management-token", map[string]any{"accessKeyId": c.AccessKeyID, "accessKeySecret": c.AccessKeySecret}, &token); err != nil {
		return nil, err
	}
	b.token = token.Data.AccessToken
	var token2 struct {
		Data struct {
			AccessToken struct {
				AccessToken string `json:"accessToken"`
			} `json:"accessToken"`
		} `json:"data"`
	}
	if err := b.call("/graphql/v2", map[string]any{"query": "query a($p: String!, $s: String!) { accessToken(userPoolId: $p, secret: $s) { accessToken exp iat } }",
		"variables": map[string]any{"p": c.UserPoolID, "s": c.UserPoolSecret}}, &token2); err != nil {
		return nil, err
	}
	b.token2 = token2.Data.AccessToken.AccessToken
	if b.token == "" || b.token2 == "" {
		return nil, fmt.Errorf("the server gave no token")
	}
	for len(b.ids) < *users {
		var list []map[string]any
		for i := len(b.ids); i < min(len(b.ids)+50, *users); i++ {
			list = append(list, map[string]any{"username": fmt.Sprintf("user-%s-%d", b.run, i), "email": fmt.Sprintf("user-%s-%d@example.com", b.run, i),
				"phone": fmt.Sprintf("1%010d", i), "phoneCountryCode": fmt.Sprint("+", 1+i/1_000_000), "name": "Maria Müller " + fmt.Sprint(i), "nickname": "mm", "gender": "F",
				"city": "Köln", "company": "Example Ltd", "customData": map[string]any{"school": "PKU", "age": i % 90}})
		}
		var made struct {
			StatusCode int    `json:"statusCode"`
			Message    string `json:"message"`
			Data       []struct {
				UserID string `json:"userId"`
			} `json:"data"`
		}
		if err := b.call("/api/v3/create-users-batch", map[string]any{"list": list}, &made); err != nil {
			return nil, err
		}
		if made.StatusCode != 200 {
			return nil, fmt.Errorf("create-users-batch: %d %s", made.StatusCode, made.Message)
		}
		for _, u := range made.Data {
			b.ids = append(b.ids, u.UserID)
		}
	}
	fields := "id arn userPoolId status username email emailVerified phone phoneVerified unionid openid nickname registerSource photo password oauth token " +
		"tokenExpiredAt loginsCount lastLogin lastIP signedUp blocked isDeleted device browser company name givenName familyName middleName profile " +
		"preferredUsername website gender birthdate zoneinfo locale address formatted streetAddress locality region postalCode city province country " +
		"createdAt updatedAt externalId phoneCountryCode"
	body, err := json.Marshal(map[string]any{"query": "query users($page: Int, $limit: Int) { users(page: $page, limit: $limit) { totalCount list { " + fields + " } } }",
		"variables": map[string]any{"page": 1, "limit": 50}})
	b.listV2 = body
	return b, err
}

func (b *bench) call(path string, in any, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequest(http.MethodPost, "http://"+b.server.address+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if b.token != "" {
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	if path == "/graphql/v2" {
		r.Header.Del("Authorization")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(out)
}

func get(path, headers string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: bench\r\n" + headers + "\r\n")
}

func post(path, headers string, body []byte) []byte {
	return append(fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n", path, len(body), headers), body...)
}

func (b *bench) rows(helloServer *server) []row {
	bearer := "Authorization: Bearer " + b.token + "\r\n"
	bearer2 := "Authorization: Bearer " + b.token2 + "\r\nx-authing-userpool-id: " + b.c.UserPoolID + "\r\n"
	ok, ok2 := []byte(`"statusCode":200`), []byte(`"code":200`)
	id := func(n int64) string { return b.ids[n%int64(len(b.ids))] }
	list := post("/api/v3/list-users", bearer, []byte(`{"options":{"pagination":{"page":1,"limit":50}}}`))
	create := func(n int64, password string) []byte {
		return post("/api/v3/create-user", bearer, fmt.Appendf(nil, `{"username":"new-%s-%d","email":"new-%s-%d@example.com","name":"Maria Müller"%s}`, b.run, n, b.run, n, password))
	}
	helloRequest := get("/", "")
	return []row{
		{"hello-world", helloServer, func(int64) []byte { return helloRequest }, ok},
		{"V3 get-user", b.server, func(n int64) []byte { return get("/api/v3/get-user?userId="+id(n), bearer) }, ok},
		{"V3 get-user, signed", b.server, func(n int64) []byte { return b.signedGet("/api/v3/get-user", "userId="+id(n)) }, ok},
		{"V3 list-users of 50", b.server, func(int64) []byte { return list }, ok},
		{"V3 create-user", b.server, func(n int64) []byte { return create(n, "") }, ok},
		{"V3 create-user, password", b.server, func(n int64) []byte { return create(n, `,"password":"a long passphrase"`) }, ok},
		{"V2 user detail", b.server, func(n int64) []byte { return get("/api/v2/users/"+id(n), bearer2) }, ok2},
		{"V2 users of 50", b.server, func(int64) []byte { return post("/graphql/v2", bearer2, b.listV2) }, []byte(`"data":{"users"`)},
	}
}

// signedGet signs as the official client does: method, headers and query under HMAC-SHA1.
func (b *bench) signedGet(path, query string) []byte {
	var nonce [16]byte
	rand.Read(nonce[:])
	headers := [][2]string{
		{"date", time.Now().UTC().Format(http.TimeFormat)},
		{"x-authing-signature-method", "HMAC-SHA1"},
		{"x-authing-signature-nonce", hex.EncodeToString(nonce[:])},
		{"x-authing-signature-version", "1.0"},
	}
	var text, lines strings.Builder
	text.WriteString("GET\n")
	for _, h := range headers {
		text.WriteString(h[0] + ":" + h[1] + "\n")
		lines.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	text.WriteString(path + "?" + query)
	mac := hmac.New(sha1.New, []byte(b.c.AccessKeySecret))
	mac.Write([]byte(text.String()))
	lines.WriteString("authorization: authing " + b.c.AccessKeyID + ":" + base64.StdEncoding.EncodeToString(mac.Sum(nil)) + "\r\n")
	return get(path+"?"+query, lines.String())
}
