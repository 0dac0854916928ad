package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// routesOf reads the routes of the facades from their source: what somebody mounts tomorrow is attacked tomorrow.
func routesOf(t *testing.T) []string {
	t.Helper()
	table := regexp.MustCompile(`op\.(Get|Post|Query|Put|Patch|Delete)\("(/[^"]+)"`)
	plain := regexp.MustCompile(`"((?:GET|POST|PUT|DELETE) /[^" ]+)"`)
	var list []string
	for _, dir := range []string{"v2", "v3", "oidc", "hosted"} {
		files, err := filepath.Glob("../" + dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range table.FindAllStringSubmatch(string(b), -1) {
				method := strings.ToUpper(m[1])
				if method == "QUERY" {
					method = "POST"
				}
				list = append(list, method+" "+m[2])
			}
			for _, m := range plain.FindAllStringSubmatch(string(b), -1) {
				list = append(list, m[1])
			}
		}
	}
	for _, path := range []string{"/oidc/auth", "/oidc/token", "/oidc/me", "/oidc/token/introspection", "/oidc/token/revocation", "/oidc/session/end", "/oidc/device/code",
		"/oidc/auth/x", "/oauth/auth", "/oauth/token", "/oauth/me", "/login", "/login/step", "/register", "/forgot", "/consent", "/device", "/verify-email", "/graphql", "/graphql/v2"} {
		list = append(list, "GET "+path, "POST "+path)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Nothing that anybody sends is the server's failure.
func TestNothingBreaks(t *testing.T) {
	w := newTown(t, nil)
	routes := routesOf(t)
	if len(routes) < 300 {
		t.Fatalf("only %d routes found", len(routes))
	}
	names := regexp.MustCompile(`json:"([A-Za-z_]+)`)
	fields := map[string]bool{}
	for _, dir := range []string{"v2", "v3"} {
		files, _ := filepath.Glob("../" + dir + "/*.go")
		for _, file := range files {
			b, _ := os.ReadFile(file)
			for _, m := range names.FindAllStringSubmatch(string(b), -1) {
				fields[m[1]] = true
			}
		}
	}
	// Every field there is, of every wrong kind.
	all := func(value string) string {
		var b strings.Builder
		for name := range fields {
			if b.Len() > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + name + `":` + value)
		}
		return "{" + b.String() + "}"
	}
	text, _ := json.Marshal("x\r\nBcc: a@evil.example\u2028<script>{{.}}" + strings.Repeat("é", 300))
	bodies := []string{"", "null", "[]", "{", `{"a":`, "\xff\xfe{}", `{"` + strings.Repeat("a", 5000) + `":1}`, strings.Repeat("[", 20000), `{"x":` + strings.Repeat(`{"x":`, 5000) + "1",
		all("null"), all(`""`), all(`"x"`), all(string(text)), all(`"\u0000"`), all("-1"), all("1e400"), all("9223372036854775808"), all("[]"), all("[null]"), all(`[{}]`), all(`{"a":{"b":[1]}}`), all("true"),
		all(`"ffffffffffffffffffffffff"`), all(`"` + w.ann.ID + `"`)}
	queries := []string{"", "?page=0&limit=-1", "?page=9999999999999&limit=x", "?%ff=%ff", "?a=%00", "?token=" + strings.Repeat("x", 3000), "?userId=%00&client_id[]=1&redirect_uri=%0d%0aX:%20y"}
	key := must(w.s.Signin.ManagementToken(t.Context(), w.own.AccessKeyID, w.own.AccessKeySecret, false)).Text
	callers := map[string]string{"": "", "user": w.access(w.ownApp(), w.bob, "openid").Access, "key": key, "junk": "Bearer \x00\xff", "basic": "Basic AAAA"}
	slot := regexp.MustCompile(`\{[^}]*\}`)
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		path = slot.ReplaceAllString(path, "x%00%ff")
		for _, as := range []string{"", "user", "key", "junk", "basic"} {
			if strings.HasPrefix(path, "/api/v3/delete-") && as == "key" {
				continue // those that delete what the next attack needs
			}
			header := []string{"x-authing-app-id", w.own.AppID, "x-authing-userpool-id", w.own.UserPoolID, "Authorization", callers[as]}
			if callers[as] == "" {
				header = header[:4]
			}
			if method == "GET" || method == "DELETE" {
				for _, q := range queries {
					w.whole(method, path+q, nil, header...)
				}
				continue
			}
			if as == "junk" || as == "basic" {
				w.whole(method, path, `{"a":1}`, header...)
				continue
			}
			for _, body := range bodies {
				w.whole(method, path, body, header...)
			}
		}
	}
	for _, cookie := range []string{"guildhall-" + w.own.UserPoolID + "=" + strings.Repeat("x", 67), "__Host-guildhall_pages=" + strings.Repeat("A", 6000), strings.Repeat("a=b; ", 3000), "guildhall-captcha-for=\"\x00\""} {
		for _, path := range []string{"/login", "/cas/session", "/login/profile/logout", "/api/v2/security/captcha", "/oidc/session/end"} {
			w.whole("GET", path, nil, "Cookie", cookie, "x-authing-app-id", w.own.AppID)
		}
	}
	huge := strings.Repeat("p", 900<<10)
	w.whole("POST", "/api/v3/signin", map[string]any{"connection": "PASSWORD", "passwordPayload": map[string]any{"account": huge[:1000], "password": huge}, "client_id": w.own.AppID, "client_secret": w.own.AppSecret})
	w.whole("POST", "/api/v3/signup", map[string]any{"connection": "PASSWORD", "passwordPayload": map[string]any{"username": "huge", "password": huge}}, "x-authing-app-id", w.own.AppID)
	w.whole("POST", "/api/v3/signin", strings.Repeat(" ", 20<<20), "x-authing-app-id", w.own.AppID)
	// Both wires answer 200 where they fail: the log knows.
	for line := range strings.Lines(w.logs.String()) {
		if strings.Contains(line, `"level":"ERROR"`) {
			t.Errorf("%.600s", line)
		}
	}
}

// whole is call for answers that must be whole: JSON where it says so, and no character that is none.
func (w *town) whole(method, target string, body any, header ...string) {
	w.Helper()
	out := w.call(method, target, body, header...)
	if strings.HasPrefix(out.Header().Get("Content-Type"), "application/json") && out.Body.Len() > 0 && (!json.Valid(out.Body.Bytes()) || !utf8.Valid(out.Body.Bytes())) {
		w.Errorf("%s %s: %.300q", method, target, out.Body)
	}
	for name, list := range out.Header() {
		if name == "X-Injected" || strings.ContainsAny(strings.Join(list, ""), "\r\n") {
			w.Errorf("%s %s: a header of the request's making: %v", method, target, out.Header())
		}
	}
}

// People who register say nothing of themselves that is not theirs to say.
func TestRegisteringGivesNoRights(t *testing.T) {
	w := newTown(t, nil)
	w.change(func(a *signin.AppSettings) { a.RegisterMethods = append(a.RegisterMethods, "USERNAME_PASSWORD") })
	extra := map[string]any{"emailVerified": true, "phoneVerified": true, "blocked": false, "isDeleted": false, "status": "Suspended", "roles": []string{"admin"}, "externalId": "boss",
		"identityNumber": "1", "loginsCount": 99, "lastIP": "1.2.3.4", "registerSource": []string{"import"}, "openid": "o", "unionid": "u", "userSourceType": "import", "tokenExpiredAt": "2099-01-01",
		"mfaEnabled": true, "otp": map[string]any{"secret": "JBSWY3DPEHPK3PXP"}, "departmentIds": []string{"x"}, "id": "ffffffffffffffffffffffff", "userId": "ffffffffffffffffffffffff", "arn": "x", "nickname": "N"}
	with := func(m map[string]any) map[string]any {
		for k, v := range extra {
			if _, ok := m[k]; !ok {
				m[k] = v
			}
		}
		return m
	}
	door := []string{"x-authing-app-id", w.own.AppID}
	w.call("POST", "/api/v2/register-email", with(map[string]any{"email": "m1@example.com", "password": w.password(w.own.UserPoolID, "Passw0rd!x"), "profile": extra}), door...)
	w.call("POST", "/api/v3/signup", with(map[string]any{"connection": "PASSWORD", "passwordPayload": with(map[string]any{"email": "m2@example.com", "password": "Passw0rd!x"}), "profile": extra}), door...)
	w.call("POST", "/api/v3/signup", map[string]any{"connection": "PASSWORD", "passwordPayload": map[string]any{"email": "m3@example.com", "password": "Passw0rd!x"}, "profile": map[string]any{"nickname": "N", "roles": []string{"admin"}}}, door...)
	made := 0
	for _, email := range []string{"m1@example.com", "m2@example.com", "m3@example.com"} {
		u, err := w.s.Directory.UserByPrincipals(t.Context(), w.own.UserPoolID, directory.Principals{Email: email})
		if err != nil {
			continue // refused as a whole: as good
		}
		made++
		if u.EmailVerified || u.PhoneVerified || u.Status != directory.Activated || u.ExternalID != "" || u.IdentityNumber != "" || u.LoginsCount != 0 || u.OpenID == "o" || u.UnionID == "u" ||
			u.ID == "ffffffffffffffffffffffff" || u.TokenExpiredAt != 0 || u.LastLoginIP != "" {
			t.Errorf("%s: %+v", email, u)
		}
		roles, err := w.s.Access.EffectiveRoles(t.Context(), w.own.UserPoolID, u.ID, "")
		if err != nil || len(roles) > 0 {
			t.Errorf("%s: %v %v", email, roles, err)
		}
	}
	if made == 0 {
		t.Error("nobody could register")
	}

	// Those who are there change no more.
	token := must(w.s.Signin.V2Token(t.Context(), w.ownApp(), nil, w.ann)).Text
	w.call("POST", "/api/v3/update-profile", extra, "Authorization", token)
	for name, value := range extra {
		if name == "nickname" || name == "id" || name == "userId" {
			continue
		}
		w.call("POST", "/api/v3/update-profile", map[string]any{name: value}, "Authorization", token)
		w.call("POST", "/graphql", map[string]any{"query": "mutation($i: UpdateUserInput!) { updateUser(input: $i) { id } }", "variables": map[string]any{"i": map[string]any{name: value}}}, "Authorization", "Bearer "+token)
		w.call("POST", "/graphql", map[string]any{"query": "mutation($i: UpdateUserInput!) { updateUser(id: \"" + w.bob.ID + "\", input: $i) { id } }", "variables": map[string]any{"i": map[string]any{"nickname": "taken"}}}, "Authorization", "Bearer "+token)
	}
	for _, was := range []*directory.User{w.ann, w.bob} {
		u := must(w.s.Directory.User(t.Context(), w.own.UserPoolID, directory.ByID(was.ID)))
		if u.EmailVerified != was.EmailVerified || u.Status != was.Status || u.ExternalID != "" || u.IdentityNumber != "" || u.LoginsCount != was.LoginsCount || u.Nickname == "taken" || u.UnionID != was.UnionID || u.OpenID != was.OpenID {
			t.Errorf("%+v", u)
		}
	}
}

// A sign-in that waits for a step ends with the password that began it, and writes only what it was asked for.
func TestStepsThatWait(t *testing.T) {
	w := newTown(t, nil)
	yes := true
	reset := directory.UserPatch{UserInput: directory.UserInput{ResetPasswordOnLogin: &yes}}
	if _, err := w.s.Directory.UpdateUser(w.as(w.own.UserPoolID), w.own.UserPoolID, directory.ByID(w.ann.ID), reset); err != nil {
		t.Fatal(err)
	}
	handle := at(w.two(w.own.AppID, "ann", annPassword), "flowHandle")
	if handle == "" {
		t.Fatal("no step")
	}
	// Meanwhile ann, who is somebody else, sets her password by mail.
	out := w.call("POST", "/graphql", map[string]any{"query": "mutation($e: String!, $c: String!, $p: String!) { resetPassword(email: $e, code: $c, newPassword: $p) { code } }",
		"variables": map[string]any{"e": "ann@example.com", "c": w.code(signin.PurposeResetPassword, "ann@example.com"), "p": w.password(w.own.UserPoolID, "Brand-new-pass-77")}}, "x-authing-app-id", w.own.AppID)
	if at(out, "data.resetPassword.code") != "200" {
		t.Fatalf("%s", out.Body)
	}
	out = w.call("POST", "/interaction/authFlow", map[string]any{"action": "reset-password-first-time", "flowHandle": handle, "data": map[string]any{"password": w.password(w.own.UserPoolID, "Thief-s-pass-88")}}, "x-authing-app-id", w.own.AppID)
	if strings.Contains(out.Body.String(), `"token":"ey`) || at(w.two(w.own.AppID, "ann", "Thief-s-pass-88"), "data.token") != "" {
		t.Errorf("a sign-in by the old password sets another: %s", out.Body)
	}

	w.change(func(a *signin.AppSettings) {
		a.CompletionFields, a.CompletionAt = []signin.AskedFor{{Name: "nickname", Required: true}}, []string{signin.AtLogin}
	})
	handle = at(w.two(w.own.AppID, "bob", bobPassword), "flowHandle")
	if handle == "" {
		t.Fatal("no completion")
	}
	for _, name := range []string{"externalId", "identityNumber", "emailVerified", "status", "roles", "password", "email", "phone", "openid"} {
		w.call("POST", "/interaction/authFlow", map[string]any{"action": "complete-completion", "flowHandle": handle,
			"data": map[string]any{"fieldValues": []map[string]any{{"name": name, "value": "x@evil.example"}}}}, "x-authing-app-id", w.own.AppID)
	}
	if u := must(w.s.Directory.User(t.Context(), w.own.UserPoolID, directory.ByID(w.bob.ID))); u.ExternalID != "" || u.IdentityNumber != "" || u.EmailVerified != w.bob.EmailVerified || u.Email != w.bob.Email || u.OpenID != w.bob.OpenID {
		t.Errorf("%+v", u)
	}
}

// Browsers are sent nowhere that no application has registered.
func TestNoOpenRedirect(t *testing.T) {
	w := newTown(t, nil)
	w.change(func(a *signin.AppSettings) {
		a.RedirectURIs, a.LogoutRedirectURIs = []string{"https://shop.example/cb"}, []string{"https://shop.example/out"}
	})
	in := w.two(w.own.AppID, "ann", annPassword)
	cookie := strings.Split(in.Header().Get("Set-Cookie"), ";")[0]
	for _, evil := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, `\\evil.example`, "https:evil.example", "https://shop.example/cb.evil.example", "https://shop.example/cb/../x",
		"https://shop.example/cb?x=1", "https://shop.example/cb#x", "https://shop.example@evil.example/cb", "https://shop.example.evil.example/cb", "HTTPS://SHOP.EXAMPLE/cb", "javascript:alert(1)//https://shop.example/cb",
		"data:text/html,x", "https://shop.example/cb\r\nX-Injected: 1", "https://shop.example/out%0d%0aX-Injected:1", "https://id.example.com.evil.example/", "/oidc/../..//evil.example"} {
		e := url.QueryEscape(evil)
		for _, target := range []string{
			"/oidc/auth?client_id=" + w.own.AppID + "&response_type=code&scope=openid&redirect_uri=" + e,
			"/oauth/auth?client_id=" + w.own.AppID + "&response_type=code&redirect_uri=" + e,
			"/oidc/session/end?client_id=" + w.own.AppID + "&post_logout_redirect_uri=" + e,
			"/login/profile/logout?redirect_uri=" + e,
			"/login?app_id=" + w.own.AppID + "&redirect_uri=" + e + "&return=" + e + "&service=" + e + "&interaction=" + e,
			"/register?app_id=" + w.own.AppID + "&next=" + e, "/signed-out?to=" + e, "/device?user_code=" + e, "/consent?interaction=" + e, "/logout?redirect_uri=" + e, "/cas/session?service=" + e,
			"/oidc/auth/" + url.PathEscape(evil), "/verify-email?token=" + e,
		} {
			out := w.call("GET", target, nil, "Cookie", cookie, "x-authing-app-id", w.own.AppID)
			to := out.Header().Get("Location")
			u, err := url.Parse(to)
			if to != "" && (err != nil || u.Host != "" && u.Host != "id.example.com" || u.Scheme != "" && u.Scheme != "https" || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`)) || out.Header().Get("X-Injected") != "" {
				t.Errorf("GET %s: Location %q", target, to)
			}
			if body := out.Body.String(); strings.Contains(body, `href="`+evil) || strings.Contains(body, `action="`+evil) || strings.Contains(body, "href=\"javascript:") {
				t.Errorf("GET %s: the page leads there", target)
			}
		}
	}
}

// A request's words about the host that it came to stand in no link.
func TestHostsAreNotBelieved(t *testing.T) {
	w := newTown(t, nil)
	w.change(func(a *signin.AppSettings) {
		a.GrantTypes = append(a.GrantTypes, signin.GrantDevice)
		a.LoginMethods = append(a.LoginMethods, signin.LoginQRCode)
	})
	evil := []string{"Host", "evil.example", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "http", "Forwarded", "host=evil.example", "X-Original-URL", "//evil.example/", "X-Rewrite-URL", "//evil.example/",
		"x-authing-app-id", w.own.AppID}
	form := append([]string{"Content-Type", "application/x-www-form-urlencoded"}, evil...)
	for _, out := range []interface {
		Header() http.Header
	}{
		w.call("GET", "/oidc/.well-known/openid-configuration", nil, evil...), w.call("GET", "/"+w.own.AppID+"/oidc/.well-known/openid-configuration", nil, evil...),
		w.call("GET", "/login?app_id="+w.own.AppID, nil, evil...), w.call("GET", "/login/profile/logout", nil, evil...), w.call("GET", "/oidc/session/end", nil, evil...),
		w.call("POST", "/oidc/device/code", "client_id="+w.own.AppID+"&client_secret="+w.own.AppSecret+"&scope=openid", form...),
		w.call("GET", "/api/v2/applications/"+w.own.AppID+"/public-config", nil, evil...), w.call("GET", "/api/v3/system", nil, evil...),
		w.call("POST", "/api/v2/qrcode/gene", `{}`, evil...),
		w.call("POST", "/api/v2/email/send", `{"email":"ann@example.com","scene":"VERIFY_EMAIL"}`, evil...),
	} {
		r := out.(interface{ Result() *http.Response })
		res := r.Result()
		var b strings.Builder
		res.Header.Write(&b)
		buf := make([]byte, 1<<20)
		n, _ := res.Body.Read(buf)
		b.Write(buf[:n])
		if strings.Contains(b.String(), "evil.example") {
			t.Errorf("%s", b.String())
		}
	}
	m := must(json.Marshal(w.mail("ann@example.com")))
	if strings.Contains(string(m), "evil.example") || !strings.Contains(string(m), "https://id.example.com/") {
		t.Errorf("%s", m)
	}
}

// Secrets stand nowhere but with those who hold them: not in the log, and not in the clear in the database.
func TestSecretsStayWhereTheyBelong(t *testing.T) {
	w := newTown(t, nil)
	in := w.two(w.own.AppID, "ann", annPassword)
	secrets := append(slices.Clone(w.secrets), at(in, "data.token"), strings.SplitN(strings.Split(in.Header().Get("Set-Cookie"), ";")[0], "=", 2)[1])
	w.two(w.own.AppID, annPassword, "typed-in-the-wrong-Box-9") // a password in place of the name
	set := w.access(w.ownApp(), w.bob, "openid", "offline_access")
	secrets = append(secrets, set.Access, set.ID, set.Refresh, "typed-in-the-wrong-Box-9")
	w.form("/oidc/token", "grant_type", "refresh_token", "client_id", w.own.AppID, "client_secret", w.own.AppSecret+"x", "refresh_token", set.Refresh)
	w.three(w.own.AppID, w.own.AppSecret, "bob", "a-wrong-Secret-55", "")
	w.enrolOTP(w.bob)
	handle := at(w.two(w.own.AppID, "bob", bobPassword), "data.mfaToken")
	code := w.code(signin.PurposeResetPassword, "ann@example.com")
	secrets = append(secrets, "a-wrong-Secret-55", "JBSWY3DPEHPK3PXP", "aaaa-bbbb-cccc-dddd", handle)
	if handle == "" || set.Refresh == "" {
		t.Fatal("a flow has not run")
	}
	logs := w.logs.String()
	var dump strings.Builder
	files, err := filepath.Glob(filepath.Join(w.s.Config.Data, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.Contains(file, ".db") {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dump.Write(b)
		}
	}
	if dump.Len() < 100_000 || !strings.Contains(dump.String(), "ann@example.com") {
		t.Fatalf("no database was read: %v", files)
	}
	for _, s := range secrets {
		if s == "" {
			t.Fatal("a secret is empty")
		}
		if strings.Contains(logs, s) {
			t.Errorf("the log tells %q", s)
		}
		if strings.Contains(dump.String(), s) {
			t.Errorf("the database holds %q in the clear", s)
		}
	}
	if n := strings.Count(dump.String(), `"code":"`+code); n > 0 {
		t.Errorf("the database holds a code in the clear")
	}
}
