package v3

import (
	"strings"
	"testing"
)

const noApplication = `404 应用不存在`

var whitelistSteps = []step{
	{"listWhitelists", `{"type":"EMAIL"}`, `200 []`, ""},
	{"addWhitelist", `{"list":["Ann@Example.com","bob@example.com","ann@example.COM"],"type":"EMAIL"}`,
		`200 [{"value":"ann@example.com","createdAt":"*"},{"value":"bob@example.com"}]`, ""},
	{"addWhitelist", `{"list":["bob@example.com","eve@example.com"],"type":"EMAIL"}`, `200 [{"value":"bob@example.com"},{"value":"eve@example.com"}]`, ""},
	{"addWhitelist", `{"list":["Ann"],"type":"USERNAME"}`, `200 [{"value":"Ann"}]`, ""},
	{"addWhitelist", `{"list":["13800000000"],"type":"PHONE"}`, `200 [{"value":"13800000000"}]`, ""},
	{"addWhitelist", `{"list":["x"],"type":"NONSENSE"}`, `400 参数 type 格式错误`, ""},
	{"addWhitelist", `{"list":["x"]}`, `400 参数 type 格式错误`, ""},
	{"addWhitelist", `{"type":"EMAIL"}`, `400 参数 list 格式错误`, ""},
	{"addWhitelist", `{"list":[],"type":"EMAIL"}`, `400 参数 list 格式错误`, ""},
	{"addWhitelist", `{"list":[" "],"type":"EMAIL"}`, `400 参数 list 格式错误`, ""},
	{"addWhitelist", `{"list":["{long}"],"type":"EMAIL"}`, `400 参数 list 格式错误`, ""},
	{"addWhitelist", `{"list":["a\u0000"],"type":"EMAIL"}`, `400 参数 list 格式错误`, ""},
	{"addWhitelist", `{"list":[` + strings.Repeat(`"x",`, 500) + `"x"],"type":"EMAIL"}`, `400 参数 list 最多允许 500 项`, ""},
	{"listWhitelists", `{"type":"EMAIL"}`, `200 [{},{},{}]`, ""},
	{"listWhitelists", `{"type":"USERNAME"}`, `200 [{"value":"Ann"}]`, ""},
	{"listWhitelists", `{}`, `400 参数 type 格式错误`, ""},
	{"deleteWhitelist", `{"list":["ANN@example.com","nobody@example.com"],"type":"EMAIL"}`, `200 {"success":true}`, ""},
	{"deleteWhitelist", `{"list":["nobody@example.com"],"type":"EMAIL"}`, `200 {"success":true}`, ""},
	{"deleteWhitelist", `{"list":[],"type":"EMAIL"}`, `400 参数 list 格式错误`, ""},
	{"deleteWhitelist", `{"list":["x"],"type":"email"}`, `400 参数 type 格式错误`, ""},
	{"listWhitelists", `{"type":"EMAIL"}`, `200 [{},{}]`, ""},

	{"addWhitelistOfApp", `{"appId":"{app}","list":["Ann@Example.com"],"type":"EMAIL"}`, `200 [{"value":"ann@example.com"}]`, ""},
	{"addWhitelistOfApp", `{"appId":"{nobody}","list":["x"],"type":"EMAIL"}`, noApplication, ""},
	{"addWhitelistOfApp", `{"appId":"","list":["x"],"type":"EMAIL"}`, `400 参数 appId 格式错误`, ""},
	{"listWhitelistsOfApp", `{"appId":"{app}","type":"EMAIL"}`, `200 [{"value":"ann@example.com"}]`, ""},
	{"listWhitelistsOfApp", `{"appId":"{app}","type":"PHONE"}`, `200 []`, ""},
	{"listWhitelistsOfApp", `{"appId":"{nobody}","type":"EMAIL"}`, noApplication, ""},
	{"deleteWhitelistOfApp", `{"appId":"{nobody}","list":["x"],"type":"EMAIL"}`, noApplication, ""},
	{"deleteWhitelistOfApp", `{"appId":"{app}","list":["ann@example.com"],"type":"EMAIL"}`, `200 {"success":true}`, ""},
	{"listWhitelistsOfApp", `{"appId":"{app}","type":"EMAIL"}`, `200 []`, ""},
	{"listWhitelists", `{"type":"EMAIL"}`, `200 [{},{}]`, ""},
}

func TestWhitelist(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		s.names["app"] = h.pool.AppID
		s.run(t, whitelistSteps)
		s.assertComplete(t, "whitelist", nil, nil)
	})
}
