package signin_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func TestRedirectURIs(t *testing.T) {
	long := "https://a.example.com/" + strings.Repeat("x", 2048)
	for _, c := range []struct {
		uri         string
		web, native bool
	}{
		{"https://a.example.com/cb", true, true},
		{"https://a.example.com", true, true},
		{"https://a.example.com:8443/cb?x=1&y=%20", true, true},
		{"http://localhost:3000/cb", true, true},
		{"http://127.0.0.1/cb", true, true},
		{"http://[::1]:8080/cb", true, true},
		{"HTTPS://A.example.com/cb", true, true}, // compared byte by byte all the same
		{"com.example.app:/cb", false, true},
		{"myapp://cb", false, true},
		{"", false, false},
		{"/cb", false, false},
		{"//a.example.com/cb", false, false},
		{"a.example.com/cb", false, false},
		{"https:a.example.com", false, false},
		{"https:///cb", false, false},
		{"https://:443/cb", false, false},
		{"https://a.example.com:/cb", false, false},
		{"https://a.example.com:0/cb", false, false},
		{"https://a.example.com:65536/cb", false, false},
		{"https://a.example.com/cb#f", false, false},
		{"https://a.example.com/cb#", false, false},
		{"https://user@a.example.com/cb", false, false},
		{"https://a.example.com@evil.example.com/cb", false, false},
		{"https://*.example.com/cb", false, false},
		{"https://a.example.com\\@evil.example.com/", false, false},
		{"https://a.example.com/ cb", false, false},
		{"https://a.example.com/cb\n", false, false},
		{"https://a.example.com/\x00", false, false},
		{"https://ä.example.com/cb", false, false},
		{"javascript:alert(1)", false, false},
		{"JavaScript:alert(1)", false, false},
		{" javascript:alert(1)", false, false},
		{"data:text/html,x", false, false},
		{"vbscript:x", false, false},
		{"file:///etc/passwd", false, false},
		{"blob:https://a.example.com/x", false, false},
		{"about:blank", false, false},
		{"view-source:https://a.example.com", false, false},
		{"ws://a.example.com", false, false},
		{"mailto:a@example.com", false, false},
		{"intent://x#Intent;end", false, false},
		{long, false, false},
	} {
		for kind, want := range map[signin.AppType]bool{signin.WebApp: c.web, signin.BrowserApp: c.web, signin.NativeApp: c.native} {
			if err := signin.CheckRedirectURI(kind, c.uri); (err == nil) != want || err != nil && code(err) != "redirect_uri_invalid" {
				t.Errorf("%s %q: %v, want %v", kind, c.uri, err, want)
			}
		}
	}
	app := &signin.Application{Settings: signin.AppSettings{RedirectURIs: []string{"https://a.example.com/cb"}, LogoutRedirectURIs: []string{"https://a.example.com/out"}}}
	for _, uri := range []string{"", "https://a.example.com/cb/", "https://a.example.com/cb?x", "https://A.example.com/cb", "https://a.example.com/c%62",
		"https://a.example.com:443/cb", "https://a.example.com/out"} {
		if app.IsRedirect(uri) || app.IsOAuth2Redirect(uri) {
			t.Errorf("%q passes", uri)
		}
	}
	if !app.IsRedirect("https://a.example.com/cb") || !app.IsOAuth2Redirect("https://a.example.com/cb") || !app.IsLogoutRedirect("https://a.example.com/out") || app.IsLogoutRedirect("") {
		t.Error("registered URIs do not pass")
	}
}

func TestOriginForm(t *testing.T) {
	for origin, want := range map[string]bool{"https://a.example.com": true, "http://localhost:3000": true, "https://*.example.com": true, "*": false, "https://*": false,
		"https://a.example.com/": false, "https://a.example.com?x": false, "ftp://a.example.com": false, "null": false, "https://u@a.example.com": false, "": false} {
		if got := signin.CheckOrigin(origin) == nil; got != want {
			t.Errorf("%q: %v", origin, got)
		}
	}
}

// What applications may not be. Each row is one thing wrong with one that is right.
func TestApplicationRefusals(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		ctx := p.As(t.Context())
		many := make([]string, 101)
		for i := range many {
			many[i] = "https://a.example.com/cb"
		}
		legacy := signin.AppSettings{Legacy: true, GrantTypes: []string{signin.GrantImplicit}, ResponseTypes: []string{"token id_token"}}
		for name, c := range map[string]struct {
			n    signin.NewApplication
			want string
		}{
			"plain":                   {signin.NewApplication{Name: "x"}, ""},
			"legacy":                  {signin.NewApplication{Name: "x", Settings: legacy}, ""},
			"no client secret":        {signin.NewApplication{Name: "x", Settings: signin.AppSettings{TokenEndpointAuth: signin.AuthNone}}, ""},
			"machine":                 {signin.NewApplication{Name: "x", Type: signin.MachineApp, Settings: signin.AppSettings{GrantTypes: []string{signin.GrantClient}, ResponseTypes: []string{}}}, ""},
			"no name":                 {signin.NewApplication{}, "field_format appName"},
			"name with NUL":           {signin.NewApplication{Name: "a\x00"}, "field_format appName"},
			"long name":               {signin.NewApplication{Name: strings.Repeat("x", 257)}, "field_format appName"},
			"identifier":              {signin.NewApplication{Name: "x", Identifier: "-a"}, "field_format appIdentifier"},
			"long identifier":         {signin.NewApplication{Name: "x", Identifier: strings.Repeat("x", 65)}, "field_format appIdentifier"},
			"type":                    {signin.NewApplication{Name: "x", Type: "car"}, "field_format appType"},
			"logo":                    {signin.NewApplication{Name: "x", Logo: "data:image/png;base64,x"}, "field_format appLogo"},
			"description":             {signin.NewApplication{Name: "x", Description: strings.Repeat("x", 1025)}, "field_format appDescription"},
			"strategy":                {signin.NewApplication{Name: "x", Strategy: "SOME"}, "field_format permissionStrategy"},
			"many URIs":               {signin.NewApplication{Name: "x", Settings: signin.AppSettings{RedirectURIs: many}}, "list_max redirectUris 100"},
			"logout URI":              {signin.NewApplication{Name: "x", Settings: signin.AppSettings{LogoutRedirectURIs: []string{"javascript:1"}}}, "redirect_uri_invalid javascript:1"},
			"origin":                  {signin.NewApplication{Name: "x", Settings: signin.AppSettings{AllowedOrigins: []string{"*"}}}, "field_format allowedOrigins"},
			"start URI":               {signin.NewApplication{Name: "x", Settings: signin.AppSettings{InitLoginURI: "javascript:1"}}, "field_format initLoginUri"},
			"back-channel URI":        {signin.NewApplication{Name: "x", Settings: signin.AppSettings{BackchannelLogoutURI: "https://a.example.com/#x"}}, "field_format backchannelLogoutUri"},
			"protocol":                {signin.NewApplication{Name: "x", Settings: signin.AppSettings{DefaultProtocol: "saml"}}, "protocol_unsupported saml"},
			"plain OAuth that is off": {signin.NewApplication{Name: "x", Settings: signin.AppSettings{DefaultProtocol: "oauth"}}, "field_format defaultProtocol"},
			"token auth":              {signin.NewApplication{Name: "x", Settings: signin.AppSettings{TokenEndpointAuth: "private_key_jwt"}}, "field_format token_endpoint_auth_method"},
			"alg none":                {signin.NewApplication{Name: "x", Settings: signin.AppSettings{IDTokenAlg: "none"}}, "field_format id_token_signed_response_alg"},
			"access token by secret":  {signin.NewApplication{Name: "x", Settings: signin.AppSettings{AccessTokenAlg: "HS256"}}, "field_format access_token_signed_response_alg"},
			"grant":                   {signin.NewApplication{Name: "x", Settings: signin.AppSettings{GrantTypes: []string{"magic"}}}, "field_format grant_types"},
			"no grant":                {signin.NewApplication{Name: "x", Settings: signin.AppSettings{GrantTypes: []string{}}}, "list_min grant_types 1"},
			"password grant":          {signin.NewApplication{Name: "x", Settings: signin.AppSettings{GrantTypes: []string{signin.GrantPassword, signin.GrantCode}}}, "application_needs_legacy password"},
			"token in front":          {signin.NewApplication{Name: "x", Settings: signin.AppSettings{GrantTypes: []string{signin.GrantImplicit}, ResponseTypes: []string{"token"}}}, "application_needs_legacy token"},
			"no implicit grant":       {signin.NewApplication{Name: "x", Settings: signin.AppSettings{ResponseTypes: []string{"id_token code"}}}, "application_needs_grant code id_token implicit"},
			"no code grant":           {signin.NewApplication{Name: "x", Settings: signin.AppSettings{GrantTypes: []string{signin.GrantClient}}}, "application_needs_grant code authorization_code"},
			"response type":           {signin.NewApplication{Name: "x", Settings: signin.AppSettings{ResponseTypes: []string{"code code"}}}, "field_format response_types"},
			"machine without secret":  {signin.NewApplication{Name: "x", Type: signin.BrowserApp, Settings: signin.AppSettings{GrantTypes: []string{signin.GrantCode, signin.GrantClient}}}, "application_needs_secret client_credentials"},
			"short life":              {signin.NewApplication{Name: "x", Settings: signin.AppSettings{AccessTokenLife: 1}}, "field_min access_token_expire 60"},
			"long life":               {signin.NewApplication{Name: "x", Settings: signin.AppSettings{IDTokenLife: 1 << 40}}, "field_max id_token_expire 31536000"},
			"long code":               {signin.NewApplication{Name: "x", Settings: signin.AppSettings{CodeLife: 86400}}, "field_max authorization_code_expire 3600"},
			"negative life":           {signin.NewApplication{Name: "x", Settings: signin.AppSettings{RefreshTokenLife: -1}}, "field_min refresh_token_expire 60"},
			"scope":                   {signin.NewApplication{Name: "x", Settings: signin.AppSettings{Scopes: []string{"a b"}}}, "field_format customScopes"},
			"our claim":               {signin.NewApplication{Name: "x", Settings: signin.AppSettings{Claims: map[string]string{"sub": "email"}}}, "field_format customClaims"},
			"login method":            {signin.NewApplication{Name: "x", Settings: signin.AppSettings{LoginMethods: []string{"MAGIC"}}}, "field_format enabledBasicLoginMethods"},
			"login method twice":      {signin.NewApplication{Name: "x", Settings: signin.AppSettings{LoginMethods: []string{signin.LoginQRCode, signin.LoginQRCode}}}, "field_format enabledBasicLoginMethods"},
			"register by scan":        {signin.NewApplication{Name: "x", Settings: signin.AppSettings{RegisterMethods: []string{signin.LoginQRCode}}}, "field_format enabledBasicRegisterMethods"},
			"first of what is not":    {signin.NewApplication{Name: "x", Settings: signin.AppSettings{DefaultLogin: "QRCODE"}}, "field_format defaultLoginMethod"},
			"completion":              {signin.NewApplication{Name: "x", Settings: signin.AppSettings{CompletionAt: []string{"never"}}}, "field_format completionPlaces"},
			"completion field":        {signin.NewApplication{Name: "x", Settings: signin.AppSettings{CompletionFields: []signin.AskedFor{{}}}}, "field_format completionFields"},
			"face":                    {signin.NewApplication{Name: "x", Settings: signin.AppSettings{Factors: &[]string{"FACE"}}}, "factor_unsupported FACE"},
			"factor":                  {signin.NewApplication{Name: "x", Settings: signin.AppSettings{Factors: &[]string{"PIN"}}}, "field_format enabledFactors"},
			"CSS":                     {signin.NewApplication{Name: "x", Settings: signin.AppSettings{Branding: signin.Branding{CSS: strings.Repeat("x", 70000)}}}, "field_format customCSS"},
			"colour":                  {signin.NewApplication{Name: "x", Settings: signin.AppSettings{Branding: signin.Branding{PrimaryColor: "red;}"}}}, "field_format primaryColor"},
			"language":                {signin.NewApplication{Name: "x", Settings: signin.AppSettings{Branding: signin.Branding{DefaultLanguage: "tlh"}}}, "field_format defaultLanguage"},
			"text":                    {signin.NewApplication{Name: "x", Settings: signin.AppSettings{Branding: signin.Branding{Texts: map[string]string{"a b": "x"}}}}, "field_format texts"},
			"kept JSON":               {signin.NewApplication{Name: "x", Settings: signin.AppSettings{LoginPage: "{"}}, "field_format loginPage"},
			"audience":                {signin.NewApplication{Name: "x", Settings: signin.AppSettings{Audience: "all"}}, "field_format appType"},
			"own security":            {signin.NewApplication{Name: "x", Settings: signin.AppSettings{Security: directory.SecuritySettings{PasswordStrength: of(int64(9))}}}, "field_max passwordStrength 5"},
		} {
			_, err := h.Signin.CreateApplication(ctx, p.ID, c.n)
			got := ""
			if e := fault.As(err); e != nil {
				got = strings.TrimSpace(e.Code + " " + strings.Join(e.Args, " "))
			} else if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
	})
}

func of[T any](v T) *T { return &v }

func TestApplicationLifecycle(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		again := beside(t, h)
		made, err := h.Signin.CreateApplication(ctx, p.ID, signin.NewApplication{Name: "Shop", Identifier: "shop", Strategy: access.DenyAll})
		if err != nil || len(made.Secret) != 32 || made.Type != signin.WebApp || !made.Enabled || !made.SSO || made.SSOAt == 0 {
			t.Fatalf("made %+v, %v", made, err)
		}
		if _, err := h.Signin.CreateApplication(ctx, p.ID, signin.NewApplication{Name: "Shop", Identifier: "shop"}); err != signin.ErrIdentifierTaken && code(err) != "application_identifier_taken" {
			t.Errorf("the identifier again: %v", err)
		}
		if _, err := h.Signin.CreateApplication(other.As(t.Context()), other.ID, signin.NewApplication{Name: "Shop", Identifier: "shop"}); err != nil {
			t.Errorf("the identifier in another pool: %v", err)
		}
		for identifier, want := range map[string]bool{"shop": false, "free": true, "not one": false, "": false} {
			if free, err := h.Signin.IdentifierFree(ctx, p.ID, identifier); err != nil || free != want {
				t.Errorf("%q is free: %v, %v", identifier, free, err)
			}
		}

		read, err := h.Signin.Application(ctx, made.ID)
		if err != nil || read.Secret != "" || read.Name != "Shop" || !slices.Equal(read.Settings.GrantTypes, made.Settings.GrantTypes) || read.Settings.CodeLife != 600 {
			t.Fatalf("read %+v, %v", read, err)
		}
		if same, _ := h.Signin.Application(ctx, made.ID); same != read {
			t.Error("it is not remembered")
		}
		if n, err := h.Access.Namespace(ctx, p.ID, made.ID); err != nil || n.Name != "Shop" {
			t.Errorf("its namespace is %+v, %v", n, err)
		}
		if s, err := h.Access.AppStrategy(ctx, p.ID, made.ID); err != nil || s != access.DenyAll {
			t.Errorf("its strategy is %v, %v", s, err)
		}
		if _, err := h.Signin.PoolApplication(other.As(t.Context()), other.ID, made.ID); code(err) != "application_not_found" {
			t.Errorf("from another pool: %v", err)
		}
		if _, err := again.Signin.Application(ctx, made.ID); err != nil {
			t.Fatal(err)
		}

		// A change shows on every server, leaves what it does not name, and is one record.
		after, err := h.Signin.UpdateApplication(ctx, p.ID, made.ID, signin.ApplicationPatch{Name: of("Store"), SSO: of(false), Settings: func(t *signin.AppSettings) error {
			t.RedirectURIs, t.ResponseTypes = []string{"https://a.example.com/cb"}, []string{"id_token code"}
			t.GrantTypes = append(t.GrantTypes, signin.GrantImplicit)
			t.LoginMethods = []string{signin.LoginEmailCode}
			return nil
		}})
		if err != nil || after.Name != "Store" || after.Identifier != "shop" || after.SSO || after.SSOAt != 0 || after.Settings.DefaultLogin != "PASSCODE" ||
			!after.IsResponse("code id_token") || !after.IsResponse("id_token code") || after.IsResponse("token") || after.Secret != "" {
			t.Errorf("changed to %+v, %v", after, err)
		}
		if len(read.Settings.RedirectURIs) != 0 || slices.Contains(read.Settings.GrantTypes, signin.GrantImplicit) {
			t.Error("what was read before has changed")
		}
		eventually(t, func() bool {
			a, err := again.Signin.Application(ctx, made.ID)
			return err == nil && a.Name == "Store" && a.IsRedirect("https://a.example.com/cb")
		})
		records, _, err := h.Log.List(ctx, p.ID, audit.Filter{Resource: audit.AppRes, Operation: audit.Update, Limit: 10})
		if err != nil || len(records) != 2 || records[0].TargetID != made.ID { // the first was about who may enter
			t.Fatalf("records %+v, %v", records, err)
		}
		if _, ok := records[0].After["redirectUris"]; !ok || records[0].Before["name"] != "Shop" || records[0].After["name"] != "Store" || records[0].After["secret"] != nil {
			t.Errorf("the record says %v -> %v", records[0].Before, records[0].After)
		}
		if n, err := h.Access.Namespace(ctx, p.ID, made.ID); err != nil || n.Name != "Store" {
			t.Errorf("its namespace is %+v, %v", n, err)
		}
		if _, err := h.Signin.UpdateApplication(ctx, p.ID, made.ID, signin.ApplicationPatch{Name: of("Store")}); err != nil {
			t.Errorf("changing nothing: %v", err)
		}
		if _, err := h.Signin.UpdateApplication(ctx, p.ID, made.ID, signin.ApplicationPatch{Name: of(" ")}); code(err) != "field_format" {
			t.Errorf("a blank name: %v", err)
		}
		if _, err := h.Signin.UpdateApplication(other.As(t.Context()), other.ID, made.ID, signin.ApplicationPatch{Name: of("x")}); code(err) != "application_not_found" {
			t.Errorf("changed from another pool: %v", err)
		}

		// The secret.
		for name, c := range map[string]struct {
			id, secret string
			want       string
		}{"right": {made.ID, made.Secret, ""}, "wrong": {made.ID, "x", "client_wrong"}, "empty": {made.ID, "", "client_wrong"}, "unknown": {"ffffffffffffffffffffffff", made.Secret, "client_wrong"},
			"no identifier": {"x", strings.Repeat("0", 32), "client_wrong"}, "of another": {p.AppID, made.Secret, "client_wrong"}} {
			if a, err := h.Signin.AuthenticateApplication(ctx, c.id, c.secret); code(err) != c.want || (err == nil) != (a != nil) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if text, err := h.Signin.RevealSecret(ctx, p.ID, made.ID); err != nil || text != made.Secret {
			t.Errorf("revealed %v", err)
		}
		if records, _, err := h.Log.List(ctx, p.ID, audit.Filter{Resource: audit.AppRes, Operation: audit.Query, Limit: 10}); err != nil || len(records) != 1 ||
			strings.Contains(audit.Text(records[0].After), made.Secret) {
			t.Errorf("seeing a secret left %+v, %v", records, err)
		}
		fresh, err := h.Signin.RotateSecret(ctx, p.ID, made.ID)
		if err != nil || fresh == made.Secret || len(fresh) != 32 {
			t.Fatal(err)
		}
		if _, err := h.Signin.AuthenticateApplication(ctx, made.ID, fresh); err != nil {
			t.Error(err)
		}
		if _, err := h.Signin.AuthenticateApplication(ctx, made.ID, made.Secret); code(err) != "client_wrong" {
			t.Errorf("the old secret: %v", err)
		}
		eventually(t, func() bool {
			_, err := again.Signin.AuthenticateApplication(ctx, made.ID, made.Secret)
			return code(err) == "client_wrong"
		})
		if _, err := h.Signin.UpdateApplication(ctx, p.ID, made.ID, signin.ApplicationPatch{Enabled: of(false)}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Signin.AuthenticateApplication(ctx, made.ID, fresh); code(err) != "client_wrong" {
			t.Errorf("turned off: %v", err)
		}
	})
}

// Deleting an application ends what there is of it, and leaves the rest.
func TestDeleteApplication(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		made, err := h.Signin.CreateApplication(ctx, p.ID, signin.NewApplication{Name: "Shop"})
		if err != nil {
			t.Fatal(err)
		}
		kept, err := h.Signin.Application(ctx, p.AppID)
		if err != nil {
			t.Fatal(err)
		}
		u, err := h.Directory.CreateUser(ctx, p.ID, directory.NewUser{UserInput: directory.UserInput{Username: of("ann")}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Access.CreateRole(ctx, p.ID, access.NewRole{Namespace: made.ID, Code: "cook", Name: "Cook"}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Signin.CreateProgrammaticAccount(ctx, p.ID, signin.NewProgrammaticAccount{AppID: made.ID}); err != nil {
			t.Fatal(err)
		}
		if err := h.Access.AuthorizeApp(ctx, p.ID, made.ID, []access.AppGrant{{Target: access.Target{Type: directory.UserTarget, ID: u.ID}}}); err != nil {
			t.Fatal(err)
		}
		tokens := map[string]string{}
		sessions := map[string]string{}
		for name, app := range map[string]*signin.Application{"made": made, "kept": kept} {
			out, err := h.Signin.Establish(ctx, app, u, signin.Proof{AMR: []string{signin.AMRPassword}})
			if err != nil || out.Session == nil {
				t.Fatalf("%+v, %v", out, err)
			}
			set, err := h.Signin.IssueTokens(ctx, signin.TokenOrder{App: app, User: u, Session: out.Session, Scope: []string{"openid"}, AuthTime: h.DB.Now()})
			if err != nil {
				t.Fatal(err)
			}
			tokens[name], sessions[name] = set.Access, out.Cookie
		}
		if list, total, err := h.Signin.ActiveUsers(ctx, p.ID, made.ID, directory.Page{Page: 1, Limit: 10}); err != nil || total != 1 || list[0].UserID != u.ID || list[0].Logins != 1 {
			t.Errorf("active are %+v, %v", list, err)
		}
		if used, err := h.Signin.UsedApplications(ctx, p.ID, u.ID); err != nil || len(used) != 2 {
			t.Errorf("used are %+v, %v", used, err)
		}
		if err := h.Signin.DeleteApplication(other.As(t.Context()), other.ID, made.ID); code(err) != "application_not_found" {
			t.Errorf("from another pool: %v", err)
		}
		if err := h.Signin.DeleteApplication(ctx, p.ID, made.ID); err != nil {
			t.Fatal(err)
		}
		if err := h.Signin.DeleteApplication(ctx, p.ID, made.ID); code(err) != "application_not_found" {
			t.Errorf("again: %v", err)
		}
		for name, want := range map[string]string{"made": "token_invalid", "kept": ""} {
			if _, _, err := h.Signin.User(ctx, tokens[name]); code(err) != want {
				t.Errorf("the token of %s: %v", name, err)
			}
		}
		for name, want := range map[string]string{"made": "session_none", "kept": ""} {
			if _, _, err := h.Signin.SessionByCookie(ctx, p.ID, sessions[name]); code(err) != want {
				t.Errorf("the session of %s: %v", name, err)
			}
		}
		if _, err := h.Access.Namespace(ctx, p.ID, made.ID); code(err) != "namespace_not_found" {
			t.Errorf("its namespace: %v", err)
		}
		if _, err := h.Access.AppStrategy(ctx, p.ID, made.ID); code(err) != "application_not_found" {
			t.Errorf("its strategy: %v", err)
		}
		if records, err := h.Access.AppRecordsOf(ctx, p.ID, access.Target{Type: directory.UserTarget, ID: u.ID}); err != nil || len(records) != 0 {
			t.Errorf("who may enter it: %v, %v", records, err)
		}
		if _, err := h.Signin.Application(ctx, made.ID); code(err) != "application_not_found" {
			t.Errorf("it: %v", err)
		}
		if used, err := h.Signin.UsedApplications(ctx, p.ID, u.ID); err != nil || len(used) != 1 || used[0].AppID != p.AppID {
			t.Errorf("used are %+v, %v", used, err)
		}
	})
}

func TestListApplications(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		ctx := p.As(t.Context())
		ids := map[string]string{p.AppID: "one"}
		for _, n := range []signin.NewApplication{{Name: "Shop", Identifier: "till"}, {Name: "100%_sure", Type: signin.NativeApp, SSO: of(false)}} {
			a, err := h.Signin.CreateApplication(ctx, p.ID, n)
			if err != nil {
				t.Fatal(err)
			}
			ids[a.ID] = a.Name
		}
		for name, c := range map[string]struct {
			f    signin.ApplicationFilter
			want string
		}{
			"all":        {signin.ApplicationFilter{}, "100%_sure Shop one"},
			"name":       {signin.ApplicationFilter{Keywords: "SHO"}, "Shop"},
			"identifier": {signin.ApplicationFilter{Keywords: "til"}, "Shop"},
			"wildcards":  {signin.ApplicationFilter{Keywords: "%_"}, "100%_sure"},
			"id":         {signin.ApplicationFilter{Keywords: p.AppID}, "one"},
			"ids":        {signin.ApplicationFilter{IDs: []string{p.AppID, other.AppID, "x"}}, "one"},
			"no ids":     {signin.ApplicationFilter{IDs: []string{}}, ""},
			"type":       {signin.ApplicationFilter{Types: []signin.AppType{signin.NativeApp}}, "100%_sure"},
			"SSO":        {signin.ApplicationFilter{SSO: of(true)}, "Shop one"},
			"integrate":  {signin.ApplicationFilter{Integrate: of(true)}, ""},
		} {
			list, total, err := h.Signin.Applications(ctx, p.ID, c.f, directory.Page{Page: 1, Limit: 10})
			var names []string
			for _, a := range list {
				names = append(names, ids[a.ID])
			}
			if got := strings.Join(names, " "); err != nil || got != c.want || int(total) != len(names) {
				t.Errorf("%s: %q of %d, %v, want %q", name, got, total, err, c.want)
			}
		}
		if list, total, err := h.Signin.Applications(ctx, p.ID, signin.ApplicationFilter{}, directory.Page{Page: 2, Limit: 2}); err != nil || total != 3 || len(list) != 1 || list[0].ID != p.AppID {
			t.Errorf("page 2: %v of %d, %v", list, total, err)
		}
	})
}
