package v3

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
)

func marshal(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const nothing = `200 {"totalCount":0,"list":[]}`

// relationSteps follow userSteps: ann is activated, bob has resigned.
func relationSteps(t testing.TB) []step {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, &key.PublicKey, []byte("秘密"))
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return strings.Trim(marshal(t, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))), `"`)
	}
	inPKCS1, inPKCS8 := text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), text("PRIVATE KEY", pkcs8)
	content := base64.StdEncoding.EncodeToString(sealed)

	return []step{
		{"getUserIdentities", `{"userId":"{ann}"}`, `200 [{"provider":"wechat","userIdInIdp":"wx-1"}]`, ""},
		{"linkIdentity", `{"extIdpId":"idp2","isSocial":true,"type":"openid","userId":"{ann}","userIdInIdp":"u1"}`, `200 {"success":true}`, ""},
		{"linkIdentity", `{"extIdpId":"idp3","userId":"{ann}","userIdInIdp":"u1"}`, `200 {"success":true}`, ""},
		{"linkIdentity", `{"extIdpId":"idp2","userId":"{bob}","userIdInIdp":"u1"}`, `409 身份源账号已被绑定`, ""},
		{"linkIdentity", `{"extIdpId":"idp2","userId":"{nobody}","userIdInIdp":"u2"}`, noUser, ""},
		{"linkIdentity", `{"extIdpId":"idp2","userId":"{ann}","userIdInIdp":""}`, `400 参数 userIdInIdp 格式错误`, ""},
		{"linkIdentity", `{"extIdpId":"idp2","userId":"{ann}","userIdInIdp":"{long}"}`, `400 参数 userIdInIdp 格式错误`, ""},
		{"getUserIdentities", `{"userId":"{ann}"}`, `200 [{},{"provider":"oauth2","extIdpId":"idp2","userInfoInIdp":{},"originConnIds":[]},{"provider":"oidc","type":"generic"}]`, ""},
		{"unlinkIdentity", `{"extIdpId":"idp2","type":"openid","userId":"{ann}"}`, `200 {"success":true}`, ""},
		{"unlinkIdentity", `{"extIdpId":"idp2","type":"openid","userId":"{ann}"}`, `404 身份不存在`, ""},
		{"unlinkIdentity", `{"extIdpId":"idp3","userId":"{ann}"}`, `200 {"success":true}`, ""},

		{"getUserMfaInfo", `{"userId":"{ann}"}`, `200 {"totpStatus":"enabled","faceMfaStatus":"disabled","smsMfaStatus":"disabled","emailMfaStatus":"disabled"}`, ""},
		{"getOtpSecretByUser", `{"userId":"{ann}"}`, `200 {"secret":"JBSWY3DPEHPK3PXP"}`, ""},
		{"getOtpSecretByUser", `{"userId":"{bob}"}`, `404 未绑定 OTP`, ""},
		{"importOtp", `{"list":[{"otp":{"secret":"KRSXG5A"},"userId":"{bob}"}]}`, `200 null`, ""},
		{"getOtpSecretByUser", `{"userId":"bob","userIdType":"username"}`, `200 {"secret":"KRSXG5A"}`, ""},
		{"importOtp", `{"list":[{"otp":{"secret":"OTHER"},"userId":"{bob}"},{"otp":{"secret":"X"},"userId":"{nobody}"}]}`, noUser, ""},
		{"getOtpSecretByUser", `{"userId":"{bob}"}`, `200 {"secret":"KRSXG5A"}`, ""},
		{"importOtp", `{"list":[]}`, `400 参数 list 格式错误`, ""},
		{"importOtp", `{"list":[{"otp":{},"userId":"{bob}"}]}`, `400 参数 secret 格式错误`, ""},
		{"importOtp", `{"list":[{"otp":{"secret":"{long}"},"userId":"{bob}"}]}`, `400 参数 secret 格式错误`, ""},
		{"getUserMfaStatus", `{"userId":"{ann}"}`, `200 {"mfaToken":"","applicationMfa":[],"totpMfaEnabled":true,"username":"ann"}`, ""},
		{"setUsersMfaStatus", `{"mfaTriggerData":{"applicationMfa":[{"mfaPolicy":"EMAIL","sort":1,"status":1}],"mfaEmail":"m@example.com","mfaToken":"secret"},"userId":"{ann}"}`, `200 {"success":true}`, ""},
		{"getUserMfaStatus", `{"userId":"{ann}"}`, `200 {"mfaToken":"","mfaEmail":"m@example.com","applicationMfa":[{"mfaPolicy":"EMAIL","sort":1,"status":1}]}`, ""},
		{"setUsersMfaStatus", `{"mfaTriggerData":{"applicationMfa":"none"},"userId":"{ann}"}`, `400 参数 applicationMfa 格式错误`, ""},
		{"setUsersMfaStatus", `{"userId":"{ann}"}`, `400 参数 mfaTriggerData 格式错误`, ""},
		{"setUsersMfaStatus", `{"mfaTriggerData":{},"userId":"{nobody}"}`, noUser, ""},

		{"getUserPasswordCiphertext", `{"userId":"{ann}"}`, `200 {"ciphertext":"*"}`, ""},
		{"getUserPasswordCiphertext", `{"userId":"{nobody}"}`, noUser, ""},
		{"getUserEncryptPasswordBatch", `{"userIds":["{ann}"]}`, `200 {"userId":"{ann}","encryptedPassword":"*"}`, ""},
		{"getUserEncryptPasswordBatch", `{"userIds":[]}`, `400 参数 userIds 格式错误`, ""},
		{"getUserEncryptPasswordBatch", `{"userIds":["{ann}","{nobody}"]}`, noUser, ""},

		{"userFieldDecrypt", `{"data":[{"encryptedContent":"` + content + `","fieldName":"idcard","userId":"u"},{"encryptedContent":"` + content + `"}],"privateKey":"` + inPKCS8 + `"}`,
			`200 [{"userId":"u","fieldName":"idcard","decryptedContent":"秘密"},{"userId":"-","fieldName":"-","decryptedContent":"秘密"}]`, ""},
		{"userFieldDecrypt", `{"data":[{"encryptedContent":"` + content + `"}],"privateKey":"` + inPKCS1 + `"}`, `200 [{"decryptedContent":"秘密"}]`, ""},
		{"userFieldDecrypt", `{"data":[{"encryptedContent":"AAAA"}],"privateKey":"` + inPKCS8 + `"}`, `400 参数 encryptedContent 格式错误`, ""},
		{"userFieldDecrypt", `{"data":[{"encryptedContent":"` + content + `"}],"privateKey":"no key"}`, `400 参数 privateKey 格式错误`, ""},
		{"userFieldDecrypt", `{"data":[{"encryptedContent":"` + content + `"}],"privateKey":"` + text("PRIVATE KEY", []byte("no key")) + `"}`, `400 参数 privateKey 格式错误`, ""},
		{"userFieldDecrypt", `{"data":[],"privateKey":"` + inPKCS8 + `"}`, `400 参数 data 格式错误`, ""},
		{"userFieldDecrypt", `{"data":[` + strings.Repeat(`{"encryptedContent":"x"},`, 50) + `{"encryptedContent":"x"}],"privateKey":"x"}`, `400 参数 data 最多允许 50 项`, ""},

		{"getUserSyncRelations", `{"userId":"{ann}"}`, `200 []`, ""},
		{"deleteUserSyncRelations", `{"provider":"lark","userId":"{ann}"}`, `200 {"success":true}`, ""},
		{"deleteUserSyncRelations", `{"provider":"lark","userId":"{nobody}"}`, noUser, ""},
		{"deleteUserSyncRelations", `{"provider":"","userId":"{ann}"}`, `400 参数 provider 格式错误`, ""},

		{"getUserRoles", `{"userId":"{ann}"}`, nothing, ""},
		{"getUserRoles", `{"namespace":"default","userId":"{ann}"}`, nothing, ""},
		{"getUserRoles", `{"namespace":"nonsense","userId":"{ann}"}`, `404 权限组不存在`, ""},
		{"hasAnyRole", `{"roles":[{"code":"admin","namespace":"default"}],"userId":"{ann}"}`, `200 {"hasAnyRole":false}`, ""},
		{"hasAnyRole", `{"roles":[],"userId":"{ann}"}`, `400 参数 roles 格式错误`, ""},
		{"hasAnyRole", `{"roles":[{"code":"admin"}],"userId":"{nobody}"}`, noUser, ""},
		{"getUserAuthorizedResources", `{"userId":"{ann}"}`, nothing, ""},
		{"getUserAuthorizedResources", `{"namespace":"nonsense","userId":"{ann}"}`, `404 权限组不存在`, ""},
		{"getUserAuthorizedResources", `{"resourceType":"NONSENSE","userId":"{ann}"}`, `400 参数 resourceType 格式错误`, ""},
		{"getUserGroups", `{"userId":"{ann}"}`, nothing, ""},

		{"getUserDepartments", `{"userId":"{ann}"}`, nothing, ""},
		{"getUserDepartments", `{"sortBy":"Nonsense","userId":"{ann}"}`, `400 参数 sortBy 格式错误`, ""},
		{"setUserDepartments", `{"departments":[],"userId":"{ann}"}`, `400 参数 departments 格式错误`, ""},
		{"setUserDepartments", `{"departments":[{"departmentId":"d1"},{"departmentId":"d2"}],"userId":"{ann}"}`, `404 存在不合法的 departmentId: d1`, ""},
		{"setUserDepartments", `{"departments":[{"departmentId":"d1"}],"userId":"{nobody}"}`, noUser, ""},
		{"getUserPrincipalAuthenticationInfo", `{"userId":"{ann}"}`, nothing, ""},
		{"resetUserPrincipalAuthenticationInfo", `{"userId":"{ann}"}`, `499 没有认证记录`, ""},
		{"resetUserPrincipalAuthenticationInfo", `{"userId":""}`, badUserID, ""},
		{"getUserAccessibleApps", `{"userId":"{ann}"}`, `200 [{"appName":"first"}]`, ""},
		{"getUserAuthorizedApps", `{"userId":"{ann}"}`, `200 []`, ""},
		{"getUserLoginHistory", `{"userId":"{ann}"}`, nothing, ""},
		{"getUserLoginHistory", `{"page":0,"userId":"{ann}"}`, `400 参数 page 格式错误`, ""},
		{"getUserLoggedinApps", `{"userId":"{ann}"}`, `200 []`, ""},
		{"getUserLoggedinIdentities", `{"userId":"{ann}"}`, `200 []`, ""},
		{"kickUsers", `{"appIds":["a"],"userId":"{ann}"}`, `200 {"success":true}`, ""},
		{"kickUsers", `{"appIds":[],"userId":"{ann}"}`, `400 参数 appIds 格式错误`, ""},
		{"kickUsers", `{"appIds":["a"],"userId":"{nobody}"}`, noUser, ""},
		{"checkSessionStatus", `{"appId":"a","userId":"{ann}"}`, `200 {"active":false}`, ""},
		{"checkSessionStatus", `{"appId":"","userId":"{ann}"}`, `400 参数 appId 格式错误`, ""},

		{"getUserIdentities", `{"userId":"{nobody}"}`, noUser, ""},
		{"getUserMfaInfo", `{"userId":"{nobody}"}`, noUser, ""},
		{"getUserMfaStatus", `{"userId":"{nobody}"}`, noUser, ""},
		{"getUserSyncRelations", `{"userId":"{nobody}"}`, noUser, ""},
		{"getUserGroups", `{"userId":"{nobody}"}`, noUser, ""},
		{"getUserPrincipalAuthenticationInfo", `{"userId":"{nobody}"}`, noUser, ""},
		{"getUserAccessibleApps", `{"userId":"{nobody}"}`, noUser, ""},
		{"getUserAuthorizedApps", `{"userId":"{nobody}"}`, noUser, ""},
		{"getUserLoggedinApps", `{"userId":"{nobody}"}`, noUser, ""},
		{"getUserLoggedinIdentities", `{"userId":"{nobody}"}`, noUser, ""},
	}
}

// What a user is given elsewhere: groups, roles, grants, relations to other directories.
func TestUserRelations(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		s.run(t, []step{
			{"createUsersBatch", `{"list":[{"username":"ann"},{"username":"bob"}]}`, `200`, "ann=0.userId bob=1.userId"},
			{"createGroup", `{"code":"dev","name":"Dev","description":"who develop"}`, `200`, "group=id"},
			{"addGroupMembers", `{"code":"dev","userIds":["{ann}","{bob}"]}`, `200`, ""},
		})
		ctx, pool, ann := h.pool.As(t.Context()), h.pool.ID, s.names["ann"]
		role, err := h.Access.CreateRole(ctx, pool, access.NewRole{Code: "admin", Name: "Admin", Description: "all"})
		if err != nil {
			t.Fatal(err)
		}
		target := access.Target{Type: directory.UserTarget, ID: ann}
		if err := h.Access.Assign(ctx, pool, access.RoleRefs("", "admin"), []access.Target{target}); err != nil {
			t.Fatal(err)
		}
		if err := h.Access.Grant(ctx, pool, []access.NewGrant{{Target: target, Resource: "books:1", Actions: []string{"books:read"}},
			{Target: access.Target{Type: directory.RoleTarget, ID: role.ID}, Resource: "books:2", Actions: []string{"books:edit"}},
			{Target: access.Target{Type: directory.GroupTarget, ID: s.names["group"]}, Resource: "cars:1", ResourceType: access.API, Actions: []string{"cars:drive"}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(ctx, h.DB, "insert into sync_relations (pool_id, provider, user_id_in_idp, user_id, user_info) values (?, 'lark', 'ou_1', ?, '')", pool, ann); err != nil {
			t.Fatal(err)
		}
		s.names["role"] = role.ID
		s.run(t, []step{
			{"getUserRoles", `{"userId":"{ann}"}`, `200 {"totalCount":1,"list":[{"id":"{role}","code":"admin","name":"Admin","description":"all","namespace":"default","namespaceName":"default"}]}`, ""},
			{"getUserRoles", `{"userId":"{bob}"}`, nothing, ""},
			{"hasAnyRole", `{"roles":[{"code":"other"},{"code":"admin","namespace":"default"}],"userId":"{ann}"}`, `200 {"hasAnyRole":true}`, ""},
			{"hasAnyRole", `{"options":{"userIdType":"username"},"roles":[{"code":"admin"}],"userId":"bob"}`, `200 {"hasAnyRole":false}`, ""},
			{"getUserAuthorizedResources", `{"namespace":"default","resourceType":"DATA","userId":"{ann}"}`, `200 {"totalCount":2}`, ""},
			{"getUserAuthorizedResources", `{"resourceType":"API","userId":"{bob}"}`,
				`200 {"totalCount":1,"list":[{"resourceCode":"cars:1","resourceType":"API","apiIdentifier":"","actions":["cars:drive"],"effect":"ALLOW"}]}`, ""},
			{"getUserGroups", `{"userId":"{ann}"}`, `200 {"totalCount":1,"list":[{"id":"{group}","code":"dev","name":"Dev","description":"who develop","type":"static",
				"metadataSource":[],"members":[{"status":"Activated","customData":"-"},{"status":"Activated"}],"customData":"-"}]}`, ""},
			{"getUserSyncRelations", `{"userId":"{ann}"}`, `200 [{"provider":"lark","userIdInIdp":"ou_1","userInfoInIdp":{}}]`, ""},
			{"getUser", `{"userId":"lark:ou_1","userIdType":"sync_relation"}`, `200 {"userId":"{ann}"}`, ""},
			{"deleteUserSyncRelations", `{"provider":"lark","userId":"{ann}"}`, `200 {"success":true}`, ""},
			{"getUserSyncRelations", `{"userId":"{ann}"}`, `200 []`, ""},
		})
		s.run(t, []step{{"setUsersMfaStatus", `{"mfaTriggerData":{"mfaEmail":"m@example.com","mfaToken":"secret"},"userId":"{ann}"}`, `200`, ""}})
		if state, err := h.Directory.MFA(ctx, pool, ann); err != nil || strings.Contains(state.TriggerData, "secret") || !strings.Contains(state.TriggerData, "m@example.com") {
			t.Errorf("%+v, %v", state, err)
		}
		// Several users are answered with a list; the contract knows of one only.
		a := s.c.send(t, "POST", "/api/v3/batch-get-user-encrypt-password", fmt.Sprintf(`{"userIds":[%q,%q]}`, s.names["bob"], ann))
		if d := differs("data", []any{map[string]any{"userId": s.names["bob"]}, map[string]any{"userId": ann}}, a.Data); d != "" {
			t.Error(d)
		}
		s.run(t, []step{
			{"resignUser", `{"userId":"{ann}"}`, `200`, ""},
			{"getUserRoles", `{"userId":"{ann}"}`, nothing, ""},
			{"getUserGroups", `{"userId":"{ann}"}`, nothing, ""},
			{"getUserAuthorizedResources", `{"userId":"{ann}"}`, nothing, ""},
		})
	})
}

// encryptFor encrypts a password as clients do, with the key that GET /api/v3/system tells.
func encryptFor(t testing.TB, system, password string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(fmt.Sprint(dig(mustRead(t, system), "rsa.publicKey"))))
	if block == nil {
		t.Fatal("no PEM in ", system)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, key.(*rsa.PublicKey), []byte(password))
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sealed)
}
