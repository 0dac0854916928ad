package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGeneratedFilesAreFresh(t *testing.T) {
	files, err := generate("../../../contract")
	if err != nil {
		t.Fatal(err)
	}
	again, err := generate("../../../contract")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 {
		t.Errorf("%d files", len(files))
	}
	for name, want := range files {
		if !bytes.Equal(want, again[name]) {
			t.Errorf("%s differs from one run to the next", name)
		}
		got, err := os.ReadFile(filepath.Join("../../v3", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("internal/v3/%s is stale: run go generate ./internal/v3", name)
		}
	}
}

// What the contract and the overrides mean in Go, one line for each way.
func TestFields(t *testing.T) {
	files, err := generate("../../../contract")
	if err != nil {
		t.Fatal(err)
	}
	types := strings.Join(strings.Fields(string(files["types_gen.go"])), " ")
	for _, c := range []struct{ typ, field string }{
		{"CreateUserReqDto", "CreateUserInfoDto"},
		{"CreateUserInfoDto", "UserFields"},
		{"UserFields", "Email *string `json:\"email\"`"},
		{"UserFields", "EmailVerified *bool `json:\"emailVerified\"`"},
		{"CreateUserInfoDto", "OTP *CreateUserOtpDto `json:\"otp\"`"},
		{"CreateUserReqDto", "Options CreateUserOptionsDto `json:\"options\"`"},
		{"UserFields", "CustomData jsontext.Value `json:\"customData\"`"},
		{"UserFields", "Gender *string `json:\"gender\" rule:\"enum=M|F|U\"`"},
		{"CreateUserBatchReqDto", "List []CreateUserInfoDto `json:\"list\" rule:\"required,items=50\"`"},
		{"DeleteUsersBatchDto", "UserIDs []string `json:\"userIds\" rule:\"required,items=50\"`"},
		{"GetUserBatchParams", "UserIDs []string `json:\"userIds\" rule:\"required,items=50\"`"},
		{"AddGroupMembersReqDto", "UserIDs []string `json:\"userIds\" rule:\"required,items=50\"`"},
		{"GetGroupParams", "WithCustomData bool `json:\"withCustomData\"`"},
		{"PaginationDto", "Page int64 `json:\"page\" rule:\"min=1,max=2147483647,default=1\"`"},
		{"PaginationDto", "Limit int64 `json:\"limit\" rule:\"min=1,max=50,default=10\"`"},
		{"ListWebhooksDto", "Limit int64 `json:\"limit\" rule:\"min=1,max=50,default=10\"`"},
		{"ListArchivedUsersParams", "StartAt *int64 `json:\"startAt\"`"},
		{"ListRolesParams", "Namespace string `json:\"namespace\" rule:\"default=default\"`"},
		{"CreateGroupReqDto", "Type *string `json:\"type\"`"},
		{"CreateAccessKeyDto", "Type string `json:\"type\" rule:\"required\"`"},
		{"UpdateAccessKeyDto", "Enable bool `json:\"enable\" rule:\"required\"`"},
		{"GetAccessKeyParams", "UserID *string `json:\"userId\"`"},
		{"DeleteCustomFieldsReqDto", "TenantID *string `json:\"tenantId\"`"},
		{"GetCustomDataParams", "TenantID *string `json:\"tenantId\"`"},
		{"SetCustomDataDto", "Value jsontext.Value `json:\"value\"`"},
		{"CreateIdentityDto", "OriginConnIDs []string `json:\"originConnIds\"`"},
		{"LangObject", "ZhCN *LangUnit `json:\"zh-CN\"`"},
	} {
		_, body, found := strings.Cut(types, "type "+c.typ+" struct { ")
		body, _, _ = strings.Cut(body, "}")
		if !found || !strings.Contains(" "+body, " "+c.field+" ") {
			t.Errorf("%s has no %s", c.typ, c.field)
		}
	}
	for _, want := range []string{
		`{"createUser", "POST", "/api/v3/create-user", "management", "users", "core", "UserSingleRespDto", nil},`,
		`{"getManagementToken", "POST", "/api/v3/get-management-token", "management", "access-key", "core", "GetManagementTokenRespDto", nil},`,
		`{"verifyEvent", "POST", "/api/v3/pub-event", "management", "event", "extra", "PubEventRespDto", []string{"pub"}},`,
		`{"getDetail", "GET", "/api/v3/approval", "management", "approval", "vendor", "ApprovalDetailRes", []string{"getDetail"}},`,
		`"authentication", "signup", "core"`, `"authentication", "wechat", "vendor"`,
	} {
		if !strings.Contains(string(files["operations_gen.go"]), want) {
			t.Errorf("operations lack %s", want)
		}
	}
	for _, not := range []string{`"/oidc/token"`, `"/cas-idp/`, `"/login/profile/logout"`} {
		if strings.Contains(string(files["operations_gen.go"]), not) {
			t.Errorf("operations contain the protocol row %s", not)
		}
	}
}

func TestGoName(t *testing.T) {
	for name, want := range map[string]string{
		"userId": "UserID", "appIds": "AppIDs", "userIdInIdp": "UserIDInIdp", "clientIp": "ClientIP", "i18n": "I18n", "zh-CN": "ZhCN",
		"mfaToken": "MFAToken", "otp": "OTP", "sso_enabled": "SsoEnabled", "maxOnlineIPs": "MaxOnlineIPs", "identityNumber": "IdentityNumber",
		"customCSS": "CustomCSS", "appLoginUrl": "AppLoginURL",
	} {
		if got := goName(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// A description that cannot be told in Go must stop the generator, not produce something near it.
func TestContradictions(t *testing.T) {
	g := declarations{models: map[string]model{"A": {{Name: "x", Type: "string"}}}, text: map[string]string{}}
	if err := g.declare("Params", []field{{Name: "a", Type: "A"}}, "doc"); err != nil || g.text["A"] == "" {
		t.Errorf("%v, %q", err, g.text)
	}
	if err := g.declare("Params", []field{{Name: "a", Type: "A"}}, "doc"); err != nil {
		t.Errorf("the same type twice: %v", err)
	}
	if err := g.declare("Params", []field{{Name: "b", Type: "A"}}, "doc"); err == nil {
		t.Error("two types of one name were accepted")
	}
	if err := g.declare("Other", []field{{Name: "a", Type: "Missing"}}, "doc"); err == nil {
		t.Error("a type that no model describes was accepted")
	}
	embedded["Outer"] = "A"
	defer delete(embedded, "Outer")
	if err := g.declare("Outer", []field{{Name: "y", Type: "string"}}, "doc"); err == nil {
		t.Error("a type was embedded in one that lacks its fields")
	}
	if unused := g.unused(); len(unused) != len(overrides) {
		t.Errorf("%d of %d overrides unused", len(unused), len(overrides))
	}
}
