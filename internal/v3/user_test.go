package v3

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/directory"
)

const (
	badUserID  = `400 参数 userId 格式错误`
	noUser     = `404 用户不存在`
	identifier = `400 Must contain one of the following fields: username, phone, email`
)

// everyField is a user of whom everything is told.
const everyField = `"username":"ann","email":"Ann@Example.com","phone":"13800000001","phoneCountryCode":"+86","externalId":"x1",
	"name":"Ann A","nickname":"小安","photo":"https://example.com/a.png","gender":"F","emailVerified":true,"phoneVerified":true,
	"birthdate":"1990-01-02","country":"CN","province":"BJ","city":"Beijing","address":"No. 1","streetAddress":"Street 1",
	"postalCode":"100000","company":"Steel & Co","browser":"Firefox","device":"iOS","givenName":"Ann","familyName":"A",
	"middleName":"M","profile":"https://example.com/ann","preferredUsername":"a","website":"https://example.com",
	"zoneinfo":"Asia/Shanghai","locale":"zh-CN","formatted":"No. 1, Beijing","region":"Haidian","identityNumber":"420421199001021234"`

var userSteps = []step{
	{"createUser", `{` + everyField + `,"password":"a-Secret-1","customData":{"age":30,"school":"大学 \"x\""},"metadataSource":{"a":[1]},
		"identities":[{"extIdpId":"idp","provider":"wechat","type":"openid","userIdInIdp":"wx-1","userInfoInIdp":{"n":1},"originConnIds":["c"],"accessToken":"t"}],
		"otp":{"secret":"JBSWY3DPEHPK3PXP","recoveryCode":"b471"},"tenantIds":["ignored"]}`,
		`200 {` + strings.Replace(everyField, "Ann@Example", "ann@example", 1) + `,"userId":"*","status":"Activated","workStatus":"Active",
		"createdAt":"*","updatedAt":"*","statusChangedAt":"*","signedUp":"*","passwordLastSetAt":"*","passwordSecurityLevel":"*",
		"userSourceType":"adminCreated","loginsCount":0,"lastLogin":null,"lastIp":null,"lastLoginApp":null,"userSourceId":null,
		"mainDepartmentId":null,"lastMfaTime":null,"tenantId":null,"registerSource":[],"resetPasswordOnNextLogin":false,
		"metadataSource":{"a":[1]},"customData":{"school":"大学 \"x\"","age":30},"identities":"-"}`, "ann=userId"},
	{"createUser", `{"username":"bob"}`, `200 {"username":"bob","gender":"U","photo":"` + testPhoto + `","email":null,"phone":null,
		"externalId":null,"passwordLastSetAt":null,"passwordSecurityLevel":null,"metadataSource":null,"customData":{}}`, "bob=userId"},
	{"createUser", `{}`, identifier, ""},
	{"createUser", `{"email":"test1@qqq"}`, `400 参数 email 格式错误`, ""},
	{"createUser", `{"phone":"123#"}`, `400 参数 phone 格式错误`, ""},
	{"createUser", `{"email":"c@example.com","phoneCountryCode":"+86"}`, `400 phone cannot be empty`, ""},
	{"createUser", `{"email":"c@example.com","customData":{"school":"{long}"}}`, `400 customData must be less than 1024 characters`, ""},
	{"createUser", `{"email":"c@example.com","customData":{"age":"old"}}`, `400 字段 age 的值与其类型不符`, ""},
	{"createUser", `{"email":"c@example.com","customData":{"nothing":1}}`, `400 字段 nothing 未定义`, ""},
	{"createUser", `{"email":"c@example.com","customData":[1]}`, `400 参数 customData 格式错误`, ""},
	{"createUser", `{"username":"bob"}`, `409 用户名已存在`, ""},
	{"createUser", `{"email":"ANN@example.com"}`, `409 邮箱已存在`, ""},
	{"createUser", `{"phone":"13800000001"}`, `409 手机号已存在`, ""},
	{"createUser", `{"username":"c","externalId":"x1"}`, `409 externalId 已存在`, ""},
	{"createUser", `{"username":"c","identities":[{"extIdpId":"idp","provider":"wechat","type":"openid","userIdInIdp":"wx-1"}]}`, `409 身份源账号已被绑定`, ""},
	{"createUser", `{"username":"c","identities":[{"extIdpId":"idp","provider":"nonsense","type":"openid","userIdInIdp":"wx-1"}]}`, `400 参数 provider 格式错误`, ""},
	{"createUser", `{"username":"c","departmentIds":["d1","d2"]}`, `404 存在不合法的 departmentId: d1`, ""},
	{"createUser", `{"username":"c","gender":"X"}`, `400 参数 gender 格式错误`, ""},
	{"createUser", `{"username":"c","status":"Nonsense"}`, `400 参数 status 格式错误`, ""},
	{"createUser", `{"username":7}`, `400 参数 username 格式错误`, ""},
	{"createUser", `{"username":"a\u0000b"}`, `400 参数 username 格式错误`, ""},
	{"createUser", `{"username":"c","name":"{long}"}`, `400 参数 name 格式错误`, ""},
	{"createUser", `{"username":"c","password":""}`, `400 参数 password 格式错误`, ""},
	{"createUser", `{"username":"c","otp":{}}`, `400 参数 secret 格式错误`, ""},
	{"createUser", `{"username":"c","password":"x","options":{"passwordEncryptType":"rot13"}}`, `400 参数 passwordEncryptType 格式错误`, ""},
	{"createUser", `{"username":"c","password":"plain","options":{"passwordEncryptType":"rsa"}}`, `400 密码解密失败`, ""},
	{"createUser", `{"username":"c","password":"plain","options":{"keepPassword":true}}`, `400 不支持的密码哈希格式`, ""},
	{"listUsers", `{}`, `200 {"totalCount":2}`, ""}, // what was refused has left nothing

	{"createUsersBatch", `{"list":[{"username":"cat","departmentIds":[]},{"username":"dog","status":"Suspended"}],"options":{"autoGeneratePassword":true,"resetPasswordOnFirstLogin":true}}`,
		`200 [{"username":"cat","passwordLastSetAt":"*","resetPasswordOnNextLogin":true,"customData":{}},{"username":"dog","status":"Suspended"}]`, "cat=0.userId dog=1.userId"},
	{"createUsersBatch", `{"list":[]}`, `400 参数 list 格式错误`, ""},
	{"createUsersBatch", `{}`, `400 参数 list 格式错误`, ""},
	{"createUsersBatch", `{"list":[{"username":"e"},{"username":"bob"}]}`, `409 用户名已存在`, ""},
	{"createUsersBatch", `{"list":[{"username":"e"},{"email":"broken"}]}`, `400 参数 email 格式错误`, ""},
	{"createUsersBatch", `{"list":[` + strings.Repeat(`{},`, 50) + `{}]}`, `400 参数 list 最多允许 50 项`, ""},
	{"getUser", `{"userId":"e","userIdType":"username"}`, noUser, ""},

	{"getUser", `{"userId":"{ann}"}`, `200 {"userId":"{ann}","customData":"-","identities":"-","departmentIds":"-","postIdList":"-"}`, ""},
	{"getUser", `{"userId":"ann","userIdType":"username"}`, `200 {"userId":"{ann}"}`, ""},
	{"getUser", `{"userId":"ANN@example.com","userIdType":"email"}`, `200 {"userId":"{ann}"}`, ""},
	{"getUser", `{"userId":"13800000001","userIdType":"phone"}`, `200 {"userId":"{ann}"}`, ""},
	{"getUser", `{"userId":"x1","userIdType":"external_id"}`, `200 {"userId":"{ann}"}`, ""},
	{"getUser", `{"userId":"idp:wx-1","userIdType":"identity"}`, `200 {"userId":"{ann}"}`, ""},
	{"getUser", `{"userId":"school:大学 \"x\"","userIdType":"custom_field"}`, `200 {"userId":"{ann}"}`, ""},
	{"getUser", `{"userId":"lark:ou_1","userIdType":"sync_relation"}`, noUser, ""},
	{"getUser", `{"userId":"{ann}","withCustomData":true,"withDepartmentIds":true,"withIdentities":true,"withPost":true}`,
		`200 {"customData":{"school":"大学 \"x\"","age":30},"departmentIds":[],"postIdList":[],"identities":[{"identityId":"*","extIdpId":"idp",
		"provider":"wechat","type":"openid","userIdInIdp":"wx-1","userInfoInIdp":{"n":1},"originConnIds":["c"],"accessToken":"-"}]}`, ""},
	{"getUser", `{"userId":"{bob}","withCustomData":true,"withDepartmentIds":true,"withIdentities":true,"withPost":true}`,
		`200 {"customData":{},"departmentIds":[],"postIdList":[],"identities":[]}`, ""},
	{"getUser", `{"userId":"test"}`, noUser, ""},
	{"getUser", `{"userId":"test#x.com","userIdType":"email"}`, badUserID, ""},
	{"getUser", `{"userId":"212-456-1111","userIdType":"phone"}`, noUser, ""},
	{"getUser", `{"userId":"1234567890#","userIdType":"phone"}`, badUserID, ""},
	{"getUser", `{"userId":"{ann}","withCustomData":"perhaps"}`, `400 参数 withCustomData 格式错误`, ""},

	{"getUserBatch", `{"userIds":["{bob}","{nobody}","{ann}"],"withCustomData":true}`, `200 [{"userId":"{bob}","customData":{}},{"userId":"{ann}","customData":{"age":30}}]`, ""},
	{"getUserBatch", `{"userIdType":"username","userIds":["ann"],"withIdentities":true}`, `200 [{"userId":"{ann}","identities":[{}]}]`, ""},
	{"getUserBatch", `{"userIds":[],"withCustomData":true}`, `400 参数 userIds 格式错误`, ""}, // nothing is sent, but it is signed
	{"getUserBatch", `{}`, `400 参数 userIds 格式错误`, ""},
	{"getUserBatch", `{"userIds":["a"],"userIdType":"nonsense"}`, `400 参数 userIdType 格式错误`, ""},
	{"getUserBatch", `{"userIds":[` + strings.Repeat(`"a",`, 50) + `"a"]}`, `400 参数 userIds 最多允许 50 项`, ""},

	{"updateUser", `{"userId":"{ann}","nickname":"Nick","email":"New@Example.COM","emailVerified":false,"metadata":{"k":1}}`,
		`200 {"userId":"{ann}","nickname":"Nick","email":"new@example.com","emailVerified":false,"username":"ann","customData":{"age":30}}`, ""},
	{"updateUser", `{"userId":"{ann}","customData":{"age":31}}`, `200 {"customData":{"age":31,"school":"大学 \"x\""}}`, ""},
	{"updateUser", `{"userId":"{ann}","customData":{"age":null}}`, `200 {"customData":{"age":"-","school":"大学 \"x\""}}`, ""},
	{"updateUser", `{"userId":"bob","name":"Bob","photo":"","options":{"userIdType":"username"}}`, `200 {"userId":"{bob}","name":"Bob","photo":"` + testPhoto + `"}`, ""},
	{"updateUser", `{"userId":"{bob}","password":"b-Secret-1","options":{"resetPasswordOnNextLogin":true}}`, `200 {"passwordLastSetAt":"*","resetPasswordOnNextLogin":true}`, ""},
	{"updateUser", `{"userId":"{bob}","password":"b-Secret-2"}`, `200 {"resetPasswordOnNextLogin":false}`, ""},
	{"updateUser", `{"userId":"{dog}","status":"Deactivated"}`, `200 {"status":"Deactivated","workStatus":"Active"}`, ""},
	{"updateUser", `{"userId":"{dog}","status":"Activated"}`, `200 {"status":"Activated"}`, ""},
	{"updateUser", `{"userId":"{nobody}","name":"x"}`, noUser, ""},
	{"updateUser", `{"userId":"","name":"x"}`, badUserID, ""},
	{"updateUser", `{"name":"x"}`, badUserID, ""},
	{"updateUser", `{"userId":"{ann}","gender":""}`, `400 参数 gender 格 格式错误`, ""},
	{"updateUser", `{"userId":"{ann}","username":"bob"}`, `409 用户名已存在`, ""},
	{"updateUser", `{"userId":"{ann}","email":"x"}`, `400 参数 email 格式错误`, ""},
	{"updateUser", `{"userId":"{cat}","username":""}`, identifier, ""},
	{"updateUser", `{"userId":"{ann}","metadata":"{long}{long}{long}{long}{long}{long}"}`, `400 参数 metadata 格式错误`, ""},

	{"updateUserBatch", `{"list":[{"userId":"{ann}","name":"One"},{"userId":"{bob}","name":"Two"}],"options":{"resetPasswordOnNextLogin":true}}`,
		`200 [{"name":"One","resetPasswordOnNextLogin":true},{"name":"Two"}]`, ""},
	{"updateUserBatch", `{"list":[{"userId":"{ann}","name":"Three"},{"userId":"{nobody}","name":"x"}]}`, noUser, ""},
	{"getUser", `{"userId":"{ann}"}`, `200 {"name":"One"}`, ""},
	{"updateUserBatch", `{"list":[]}`, `400 参数 list 格式错误`, ""},
	{"updateUserBatch", `{"list":[{"name":"x"}]}`, badUserID, ""},
	{"updateUserBatch", `{"list":[` + strings.Repeat(`{"userId":"a"},`, 50) + `{"userId":"a"}]}`, `400 参数 list 最多允许 50 项`, ""},

	{"listUsers", `{"options":{"pagination":{"limit":2,"page":2},"sort":[{"field":"username","order":"desc"}]}}`, `200 {"totalCount":4,"list":[{"username":"bob"},{"username":"ann"}]}`, ""},
	{"listUsers", `{"limit":1,"page":2,"withCustomData":true,"withDepartmentIds":true,"withIdentities":true}`, `200 {"totalCount":4,"list":[{"username":"cat","customData":{},"identities":[],"departmentIds":[]}]}`, ""},
	{"listUsers", `{"keywords":"EXAMPLE"}`, `200 {"totalCount":1,"list":[{"userId":"{ann}"}]}`, ""},
	{"listUsers", `{"keywords":"beijing","options":{"fuzzySearchOn":["formatted"]}}`, `200 {"totalCount":1}`, ""},
	{"listUsers", `{"advancedFilter":[{"field":"username","operator":"IN","value":["ann","bob"]},{"field":"school","operator":"NOT_NULL"}]}`, `200 {"totalCount":1}`, ""},
	{"listUsers", `{"advancedFilter":[{"field":"status","operator":"EQUAL","value":"invalid"}]}`, `400 参数 status 格式错误`, ""},
	{"listUsers", `{"advancedFilter":[{"field":"password","operator":"CONTAINS","value":"a"}]}`, `400 参数 advancedFilter 格式错误`, ""},
	{"listUsers", `{"advancedFilter":[{"field":"username","operator":"LIKE","value":"a"}]}`, `400 参数 operator 格式错误`, ""},
	{"listUsers", `{"options":{"sort":[{"field":"password","order":"asc"}]}}`, `400 参数 field 格式错误`, ""},
	{"listUsers", `{"options":{"pagination":{"page":0}}}`, `400 参数 page 格式错误`, ""},
	{"listUsers", `{"options":{"pagination":{"limit":0}}}`, `400 参数 limit 格式错误`, ""},
	{"listUsers", `{"options":{"pagination":{"limit":220}}}`, `400 limit must less than 50`, ""},
	{"listUsers", `{"limit":51}`, `400 limit must less than 50`, ""},
	{"listUsers", `{"searchQuery":{"anything":1}}`, `200 {"totalCount":4}`, ""},

	{"deleteUsersBatch", `{"options":{"userIdType":"username"},"userIds":["cat","cat"]}`, `200 {"success":true}`, ""},
	{"getUser", `{"userId":"{cat}"}`, noUser, ""},
	{"deleteUsersBatch", `{"userIds":["{ann}","{nobody}"]}`, noUser, ""},
	{"deleteUsersBatch", `{"userIds":[]}`, `400 参数 userIds 格式错误`, ""},
	{"deleteUsersBatch", `{"userIds":[""]}`, badUserID, ""},
	{"getUser", `{"userId":"{ann}"}`, `200`, ""},

	{"isUserExists", `{"username":"ann"}`, `200 {"exists":true}`, ""},
	{"isUserExists", `{"username":"Ann"}`, `200 {"exists":false}`, ""},
	{"isUserExists", `{"email":"NEW@example.com"}`, `200 {"exists":true}`, ""},
	{"isUserExists", `{"phone":"13800000001","username":"no"}`, `200 {"exists":true}`, ""},
	{"isUserExists", `{"externalId":"x2"}`, `200 {"exists":false}`, ""},
	{"isUserExists", `{}`, `400 参数 username, email, phone, externalId 格式错误`, ""},

	{"resignUser", `{"userId":"{dog}"}`, `200 {"success":true}`, ""},
	{"getUser", `{"userId":"{dog}"}`, `200 {"status":"Resigned","workStatus":"Closed","username":"dog"}`, ""},
	{"updateUser", `{"userId":"{dog}","status":"Activated"}`, `422 用户已离职`, ""},
	{"resignUser", `{"userId":"{nobody}"}`, noUser, ""},
	{"resignUserBatch", `{"userIdType":"username","userIds":["bob","dog"]}`, `200 {"success":true}`, ""},
	{"resignUserBatch", `{"userIds":[]}`, `400 参数 userIds 格式错误`, ""},
	{"listArchivedUsers", ``, `200 {"totalCount":0,"list":[]}`, ""},
	{"updateUser", `{"userId":"{dog}","status":"Archived"}`, `200 {"status":"Archived"}`, ""},
	{"listArchivedUsers", `{"limit":50}`, `200 {"totalCount":1,"list":[{"userId":"{dog}","archivedAt":"*"}]}`, ""},
	{"listArchivedUsers", `{"startAt":32503680000000}`, `200 {"totalCount":0,"list":[]}`, ""},
	{"listArchivedUsers", `{"limit":220}`, `400 limit must less than 50`, ""},
	{"listArchivedUsers", `{"page":0}`, `400 参数 page 格式错误`, ""},
	{"listUsersLegacy", `{"limit":1,"withCustomData":true}`, `200 {"totalCount":3,"list":[{"customData":{}}]}`, ""},
	{"listUsersLegacy", `{"status":"Resigned"}`, `200 {"totalCount":1,"list":[{"username":"bob"}]}`, ""},
	{"listUsersLegacy", `{"updatedAtStart":4000000000}`, `200 {"totalCount":0,"list":[]}`, ""},
	{"listUsersLegacy", `{"updatedAtEnd":4000000000,"updatedAtStart":1600000000}`, `200 {"totalCount":3}`, ""},
	{"listUsersLegacy", `{"updatedAtEnd":1600000000}`, `200 {"totalCount":0}`, ""},
	{"listUsersLegacy", `{"updatedAtEnd":9223372036854775807}`, `400 参数 updatedAtEnd 格式错误`, ""},
	{"listUsersLegacy", `{"updatedAtStart":-1}`, `400 参数 updatedAtStart 格式错误`, ""},
	{"listUsersLegacy", `{"status":"Nonsense"}`, `400 参数 status 格式错误`, ""},
	{"listUsersLegacy", `{"limit":51}`, `400 limit must less than 50`, ""},
}

func TestUsers(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		s.run(t, userSteps)
		s.run(t, relationSteps(t))
		s.assertComplete(t, "users", []string{"setUserDepartments", "resetUserPrincipalAuthenticationInfo"}, []string{})
	})
}

// Custom values become members of the user, and take the place of none.
func TestFlatCustomData(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		c := h.client()
		for _, key := range []string{"status", "nick\\\"name"} {
			if a := c.send(t, "POST", "/api/v3/set-custom-fields", `{"list":[{"dataType":"STRING","key":"`+key+`","targetType":"USER"}]}`); a.StatusCode != 200 {
				t.Fatal(a.Text)
			}
		}
		a := c.send(t, "POST", "/api/v3/create-user", `{"customData":{"age":7,"nick\"name":"n","status":"mine"},"username":"ann"}`)
		id := fmt.Sprint(dig(a.Data, "userId"))
		for _, x := range []struct{ operation, method, path, params, at string }{
			{"getUser", "GET", "/api/v3/get-user", `{"flatCustomData":true,"userId":"` + id + `"}`, ""},
			{"getUserBatch", "GET", "/api/v3/get-user-batch", `{"flatCustomData":true,"userIds":["` + id + `"]}`, "0"},
			{"listUsers", "POST", "/api/v3/list-users", `{"options":{"flatCustomData":true}}`, "list.0"},
		} {
			user, _ := dig(c.send(t, x.method, x.path, x.params).Data, x.at).(map[string]any)
			if user["age"] != 7.0 || user[`nick"name`] != "n" || user["status"] != "Activated" || user["customData"] != nil {
				t.Errorf("%s: %v", x.operation, user)
			}
		}
		both := c.send(t, "GET", "/api/v3/get-user", `{"flatCustomData":true,"userId":"`+id+`","withCustomData":true}`)
		if d := differs("data", map[string]any{"age": 7.0, "customData": map[string]any{"age": 7.0, "status": "mine", `nick"name`: "n"}}, both.Data); d != "" {
			t.Error(d, both.Text)
		}
	})
}

// A filter by seconds takes in the whole of the last one.
func TestListUsersLegacyBySecond(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		made := h.client().send(t, "POST", "/api/v3/create-user", `{"username":"ann"}`)
		at, err := time.Parse(time.RFC3339, fmt.Sprint(dig(made.Data, "updatedAt")))
		if err != nil {
			t.Fatal(err)
		}
		for second, want := range map[int64]float64{at.Unix() - 1: 0, at.Unix(): 1, at.Unix() + 1: 0} {
			a := h.client().send(t, "GET", "/api/v3/list-users", fmt.Sprintf(`{"updatedAtEnd":%d,"updatedAtStart":%d}`, second, second))
			if dig(a.Data, "totalCount") != want {
				t.Errorf("second %d of %d: %s", second, at.Unix(), a.Text)
			}
		}
	})
}

// Passwords: encrypted on their way, or hashed elsewhere.
func TestUserPasswords(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		c := h.client()
		system := c.send(t, "GET", "/api/v3/system", "")
		if system.StatusCode != 0 || dig(mustRead(t, system.Text), "rsa.publicKey") == nil {
			t.Fatal(system.Text)
		}
		bcrypt := `$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy`
		for _, x := range []struct{ name, params, want string }{
			{"rsa", `{"options":{"passwordEncryptType":"rsa"},"password":"` + encryptFor(t, system.Text, "秘密-Pass-1") + `","username":"rsa"}`, "$argon2id$"},
			{"stored", `{"options":{"keepPassword":true},"password":"` + bcrypt + `","username":"stored"}`, bcrypt},
			{"generated", `{"options":{"autoGeneratePassword":true},"username":"generated"}`, "$argon2id$"},
			{"none", `{"username":"none"}`, ""},
		} {
			a := c.send(t, "POST", "/api/v3/create-user", x.params)
			if a.StatusCode != 200 || strings.Contains(a.Text, "argon2") || strings.Contains(a.Text, "Pass-1") {
				t.Errorf("%s: %s", x.name, a.Text)
			}
			got := fmt.Sprint(dig(c.send(t, "POST", "/api/v3/get-user-password-ciphertext", `{"userId":"`+x.name+`","userIdType":"username"}`).Data, "ciphertext"))
			if !strings.HasPrefix(got, x.want) || x.want == "" && got != "" {
				t.Errorf("%s: hash %q", x.name, got)
			}
		}
	})
}

func mustRead(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Every field of a request reaches the domain: none is forgotten in the copy.
func TestUserFields(t *testing.T) {
	var f UserFields
	v := reflect.ValueOf(&f).Elem()
	for i := range v.NumField() {
		switch p := v.Field(i).Addr().Interface().(type) {
		case **string:
			*p = new("value of " + v.Type().Field(i).Name)
		case **bool:
			*p = new(true)
		}
	}
	in := reflect.ValueOf(f.input())
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch name {
		case "Password", "CustomData": // stand beside the fields in the domain
			continue
		}
		got := in.FieldByName(name)
		if !got.IsValid() || got.IsNil() || fmt.Sprint(got.Elem()) != fmt.Sprint(v.Field(i).Elem()) {
			t.Errorf("%s is lost", name)
		}
	}
	if !in.FieldByName("Strict").Bool() {
		t.Error("not strict")
	}
}

func TestMoment(t *testing.T) {
	for m, want := range map[moment]string{0: "null", 1: `"1970-01-01T00:00:00.001Z"`, 1656818430000: `"2022-07-03T03:20:30.000Z"`, 253402300799999: `"9999-12-31T23:59:59.999Z"`} {
		w := marshal(t, m)
		if w != want {
			t.Errorf("%d: %s, want %s", m, w, want)
		}
		if want == "null" && m.String() != "" || want != "null" && `"`+m.String()+`"` != want {
			t.Errorf("%d: %s", m, m.String())
		}
	}
	if _, err := time.Parse(time.RFC3339, moment(1).String()); err != nil {
		t.Error(err)
	}
}

func TestRawOr(t *testing.T) {
	for kept, want := range map[string]string{"": "null", `{"a":1}`: `{"a":1}`, "[": `"["`, "plain \"text\"": `"plain \"text\""`, "7": "7"} {
		if got := string(rawOr(kept, "null")); got != want {
			t.Errorf("%q: %s, want %s", kept, got, want)
		}
	}
}

func TestFlatten(t *testing.T) {
	values := []directory.Value{{Key: "a", JSON: []byte("1")}, {Key: "userId", JSON: []byte(`"x"`)}, {Key: `q"`, JSON: []byte(`{}`)}}
	if got := string(flatten(values, userNames)); got != `{"a":1,"q\"":{}}` {
		t.Error(got)
	}
	if got := string(flatten(nil, userNames)); got != `{}` {
		t.Error(got)
	}
}
