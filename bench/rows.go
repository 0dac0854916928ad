package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

// bench is a filled server and what calls to it need.
type bench struct {
	server *process
	hello  *process
	admission
	door   *door
	token  string // V3 management token
	token2 string // V2 management token
	run    string // makes names of this run unlike those of others on one database
}

// admission is what a client of a filled database needs, and whom it may ask for.
type admission struct {
	poolID, poolSecret, keyID, keySecret string

	users   int64
	ids     []string // of some users
	grouped []string // of some users who are in groups
	size    int64    // of the database in bytes; for SQLite see fileSize
}

const mostIDs = 20_000

// admit makes an access key in a filled database and looks around. No server runs on it yet.
func admit(dsn string) (*admission, error) {
	ctx := asSystem("")
	s, err := open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	p, err := s.Directory.DefaultPool(ctx)
	if err != nil {
		return nil, err
	}
	a := &admission{poolID: p.ID}
	ctx, cancel := context.WithTimeout(asSystem(p.ID), time.Minute)
	defer cancel()
	keys, err := s.Directory.AccessKeys(ctx, p.ID, directory.KeyFilter{})
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("the pool has no access key")
	}
	key, err := s.Directory.CreateKey(ctx, p.ID, directory.NewKey{Kind: keys[0].Kind, OwnerID: keys[0].OwnerID})
	if err != nil {
		return nil, err
	}
	a.keyID, a.keySecret = key.ID, key.Secret
	if a.poolSecret, err = s.Directory.RefreshPoolSecret(ctx, p.ID); err != nil {
		return nil, err
	}
	if _, a.users, err = s.Directory.Users(ctx, p.ID, directory.UserQuery{}); err != nil {
		return nil, err
	}
	all, err := db.List[string](ctx, s.DB, "select id from users where pool_id = ? order by id limit ?", p.ID, 2_000_000)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the database has no users: fill it first")
	}
	r := random(4, 0)
	for range min(mostIDs, len(all)) {
		a.ids = append(a.ids, all[r.IntN(len(all))])
	}
	if a.grouped, err = db.List[string](ctx, s.DB, "select distinct user_id from group_members where pool_id = ? limit ?", p.ID, mostIDs); err != nil {
		return nil, err
	}
	if !s.DB.Local() {
		a.size, err = db.One[int64](ctx, s.DB, "select pg_database_size(current_database())")
	}
	return a, err
}

// enter gets the tokens.
func (b *bench) enter() error {
	b.run = fmt.Sprintf("%x", time.Now().UnixNano())
	var token struct {
		Data struct {
			AccessToken string `json:"access_token"`
		} `json:"data"`
	}
	if err := b.call("/api/v3/get-management-token", map[string]any{"accessKeyId": b.keyID, "accessKeySecret": b.keySecret}, &token); err != nil {
		return err
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
		"variables": map[string]any{"p": b.poolID, "s": b.poolSecret}}, &token2); err != nil {
		return err
	}
	b.token2 = token2.Data.AccessToken.AccessToken
	if b.token == "" || b.token2 == "" {
		return fmt.Errorf("the server gave no token")
	}
	return nil
}

func (b *bench) call(path string, in any, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	resp, err := http.Post("http://"+b.server.address+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(out)
}

// The names of the rows that an aim speaks of.
const (
	rowHello       = "hello-world"
	rowGet         = "V3 get-user"
	rowList        = "V3 list, page 1"
	rowListFar     = "V3 list, page 1,000"
	rowRare        = "V3 search, rare word"
	rowOrdinary    = "V3 search, ordinary word"
	rowCommon      = "V3 search, common word"
	rowCreate      = "V3 create"
	rowPassword    = "V3 create, password"
	overloadFactor = 4
	floodFactor    = 32
)

// row is one measured operation: request makes the bytes of the n-th request, good is what right answers hold, and check, where it is
// there, looks at the n-th answer closely.
type row struct {
	name    string
	server  *process
	request func(n int64) []byte
	good    []byte
	check   func(n int64, body []byte) error
	per     int // users made by one request, where it is more than one
	// begin makes the operation of one caller, where it is more than a request and its answer.
	begin func() operation
	// What one operation cannot go without: see bare.
	hashes     float64
	signatures [2]float64
}

// operation does something for the n-th time and returns the last answer.
type operation func(c *connection, n int64) ([]byte, error)

// operation is what one caller does.
func (r *row) operation() operation {
	if r.begin != nil {
		return r.begin()
	}
	return func(c *connection, n int64) ([]byte, error) {
		body, err := c.send(r.request(n))
		if err != nil {
			return nil, err
		}
		if r.check != nil {
			return body, r.check(n, body)
		}
		return body, holds(body, string(r.good))
	}
}

func (b *bench) rows() []row {
	bearer := "Authorization: Bearer " + b.token + "\r\n"
	bearer2 := "Authorization: Bearer " + b.token2 + "\r\nx-authing-userpool-id: " + b.poolID + "\r\n"
	get := func(path string) []byte { return getRequest(path, bearer) }
	ok, found, found2 := `"statusCode":200`, `"userId":"`, `"id":"`
	id := func(n int64) string { return b.ids[n%int64(len(b.ids))] }
	list := func(page int64, more string) []byte {
		return postRequest("/api/v3/list-users", bearer, fmt.Appendf(nil, `{"options":{"pagination":{"page":%d,"limit":50}}%s}`, page, more))
	}
	filter := func(field, value string) []byte {
		return list(1, fmt.Sprintf(`,"advancedFilter":[{"field":%q,"operator":"EQUAL","value":%q}]`, field, value))
	}
	search := func(word string) []byte { return list(1, fmt.Sprintf(`,"keywords":%q`, word)) }
	someone := func(n int64) person { return personAt(random(5, uint64(n)).IntN(int(b.users))) }
	graphql := func(query string, variables map[string]any) []byte {
		body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
		if err != nil {
			panic(err) // of texts and numbers
		}
		return postRequest("/graphql/v2", bearer2, body)
	}
	newcomer := func(n int64) string {
		return fmt.Sprintf(`"username":"new-%s-%d","email":"new-%s-%d@new.example","name":"Maria Müller"`, b.run, n, b.run, n)
	}
	create := func(n int64, more string) []byte {
		return postRequest("/api/v3/create-user", bearer, []byte("{"+newcomer(n)+more+"}"))
	}
	far := max(min(1000, b.users/50), 1)
	hello := getRequest("/", "")
	rows := []row{
		{name: rowHello, server: b.hello, good: []byte(ok), request: func(int64) []byte { return hello }},
		{name: rowGet, good: []byte(found), request: func(n int64) []byte { return get("/api/v3/get-user?userId=" + id(n)) }},
		{name: "V3 get-user, signed", good: []byte(found), request: func(n int64) []byte { return b.signedGet("/api/v3/get-user", "userId="+id(n)) }},
		{name: rowList, good: []byte(found), request: func(int64) []byte { return list(1, "") }},
		{name: rowListFar, good: []byte(found), request: func(int64) []byte { return list(far, "") }},
		{name: "V3 filter, e-mail", good: []byte(found), request: func(n int64) []byte { return filter("email", someone(n).email) }},
		{name: "V3 filter, custom field", good: []byte(found), request: func(n int64) []byte { return filter("school", someone(n).school) }},
		{name: rowRare, good: []byte(found), request: func(n int64) []byte { return search(rareWord(int(n % max(b.users/rareEvery, 1)))) }},
		{name: rowOrdinary, good: []byte(found), request: func(n int64) []byte { return search(ordinaryWords[n%int64(len(ordinaryWords))]) }},
		{name: rowCommon, good: []byte(found), request: func(int64) []byte { return search(commonWord) }},
		{name: "V3 search, two Chinese", good: []byte(ok), request: func(n int64) []byte { return search(chineseNames[n%int64(len(chineseNames))]) }},
		{name: "V3 get-user-groups", good: []byte(`"code":"group-`), request: func(n int64) []byte {
			return get("/api/v3/get-user-groups?userId=" + b.grouped[n%int64(len(b.grouped))])
		}},
		// Departments 4 to 19 stand two below the organisation, each with a sixteenth of all users in it and below.
		{name: "V3 department, below too", good: []byte(found), request: func(n int64) []byte {
			return get("/api/v3/list-department-members?organizationCode=" + organization + "&departmentIdType=code&departmentId=" +
				departmentCode(branches+int(n%(branches*branches))) + "&includeChildrenDepartments=true&page=1&limit=50")
		}},
		{name: "V2 user detail", good: []byte(`"code":200`), request: func(n int64) []byte { return getRequest("/api/v2/users/"+id(n), bearer2) }},
		{name: "V2 list", good: []byte(found2), request: func(int64) []byte {
			return graphql("query users($page: Int, $limit: Int) { users(page: $page, limit: $limit) { totalCount list { "+fieldsV2+" } } }",
				map[string]any{"page": 1, "limit": 50})
		}},
		{name: "V2 search, ordinary word", good: []byte(found2), request: func(n int64) []byte {
			return graphql("query s($query: String!, $page: Int, $limit: Int) { searchUser(query: $query, page: $page, limit: $limit) { totalCount list { "+fieldsV2+" } } }",
				map[string]any{"query": ordinaryWords[n%int64(len(ordinaryWords))], "page": 1, "limit": 50})
		}},
		{name: rowCreate, good: []byte(found), request: func(n int64) []byte { return create(n, "") }},
		{name: rowPassword, good: []byte(found), request: func(n int64) []byte { return create(n, `,"password":"a long passphrase"`) }},
		{name: "V3 create, 50 a call", per: 50, good: []byte(found), request: func(n int64) []byte {
			list := make([]string, 50)
			for i := range list {
				list[i] = "{" + newcomer(n*50+int64(i)) + "}"
				list[i] = strings.ReplaceAll(list[i], "new-", "many-")
			}
			return postRequest("/api/v3/create-users-batch", bearer, []byte(`{"list":[`+strings.Join(list, ",")+"]}"))
		}},
	}
	rows = append(slices.Insert(rows, reads(rows), b.signInReads()...), b.signInWrites()...)
	for i := range rows {
		if rows[i].server == nil {
			rows[i].server = b.server
		}
	}
	return rows
}

// reads is how many rows, the first ones, change nothing.
func reads(rows []row) int {
	return slices.IndexFunc(rows, func(r row) bool { return r.name == rowCreate })
}

const fieldsV2 = "id arn userPoolId status username email emailVerified phone phoneVerified unionid openid nickname registerSource photo password oauth token " +
	"tokenExpiredAt loginsCount lastLogin lastIP signedUp blocked isDeleted device browser company name givenName familyName middleName profile " +
	"preferredUsername website gender birthdate zoneinfo locale address formatted streetAddress locality region postalCode city province country " +
	"createdAt updatedAt externalId phoneCountryCode"

// first sends the row's first request, again and again while the server is not ready for it, as when it builds an index; then an
// answer may take long. It returns how many users the answer says there are in all, "" where it does not say.
func (r *row) first() string {
	began := time.Now()
	for {
		body, err := r.try()
		if err == nil {
			_, after, _ := bytes.Cut(body, []byte(`"totalCount":`))
			return string(after[:len(after)-len(bytes.TrimLeft(after, "0123456789"))])
		}
		if time.Since(began) > time.Minute {
			return ""
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (r *row) try() ([]byte, error) {
	c, err := dial(r.server.address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return r.operation()(c, sequence.Add(1))
}

func getRequest(path, headers string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: bench\r\n" + headers + "\r\n")
}

func postRequest(path, headers string, body []byte) []byte {
	return append(fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n", path, len(body), headers), body...)
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
	mac := hmac.New(sha1.New, []byte(b.keySecret))
	mac.Write([]byte(text.String()))
	lines.WriteString("authorization: authing " + b.keyID + ":" + base64.StdEncoding.EncodeToString(mac.Sum(nil)) + "\r\n")
	return getRequest(path+"?"+query, lines.String())
}
