package notify_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/notify"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

var aText = notify.Message{Channel: notify.SMS, To: "+8613800138000", Kind: notify.LoginCode, Language: "zh-CN", Params: notify.Params{App: "商店", Code: "482913", Minutes: 10}}

// vendor is a server on loopback that answers what it is told to and keeps what it was asked.
type vendor struct {
	*httptest.Server
	mu      sync.Mutex
	asked   []*http.Request
	bodies  []string
	status  int
	answers []string
}

func newVendor(t *testing.T) *vendor {
	v := &vendor{status: 200}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		v.mu.Lock()
		defer v.mu.Unlock()
		v.asked, v.bodies = append(v.asked, r), append(v.bodies, string(body))
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(v.status)
		if len(v.answers) > 0 {
			_, _ = io.WriteString(w, v.answers[0])
			v.answers = v.answers[1:]
		}
	}))
	t.Cleanup(v.Close)
	return v
}

func TestHook(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, _ testhall.Pool) {
		v := newVendor(t)
		o := options(h)
		o.Hook = notify.Hook{URL: v.URL + "/sms", Secret: "0123456789abcdef"}
		n := notify.New(o)
		for _, status := range []int{503, 429, 200} {
			v.status = status
			if len(v.asked) == 0 {
				if err := n.Send(t.Context(), p.ID, aText); err != nil {
					t.Fatal(err)
				}
			}
			makeDue(t, h)
			deliverAll(t, n)
		}
		if len(v.asked) != 3 || box(t, h)["sent"] != 1 {
			t.Fatal(len(v.asked), box(t, h))
		}
		for i, r := range v.asked {
			at := r.Header.Get(notify.HeaderTimestamp)
			seconds, err := strconv.ParseInt(at, 10, 64)
			if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > time.Minute {
				t.Error(at, err)
			}
			if got, want := r.Header.Get(notify.HeaderSignature), notify.Sign("0123456789abcdef", at, []byte(v.bodies[i])); got != want {
				t.Errorf("%s instead of %s", got, want)
			}
			if r.Method != "POST" || r.URL.Path != "/sms" || r.Header.Get(notify.HeaderID) != v.asked[0].Header.Get(notify.HeaderID) {
				t.Error(r.Method, r.URL, r.Header)
			}
			var body map[string]any
			if err := json.Unmarshal([]byte(v.bodies[i]), &body); err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]any{"phone": "+8613800138000", "code": "482913", "kind": "LOGIN_VERIFY_CODE", "minutes": 10.0, "userPoolId": p.ID,
				"id": r.Header.Get(notify.HeaderID), "application": "商店"} {
				if body[name] != want {
					t.Errorf("%s is %v", name, body[name])
				}
			}
			if text, _ := body["text"].(string); !strings.HasPrefix(text, "【商店】") || !strings.Contains(text, "482913") || strings.Contains(text, "\n") {
				t.Error(text)
			}
		}
		// What is refused is not tried again, and a signed request is for nobody else.
		for _, status := range []int{400, 302} {
			v.status = status
			if err := n.Send(t.Context(), p.ID, aText); err != nil {
				t.Fatal(err)
			}
			deliverAll(t, n)
		}
		if got := box(t, h); got["failed"] != 2 || len(v.asked) != 5 {
			t.Error(got, len(v.asked))
		}
	})
}

// TestSignatures compares with what was computed apart from this program: the vendors' are the examples of their documentation.
func TestSignatures(t *testing.T) {
	query := notify.CanonicalQuery(map[string]string{"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"})
	ali := notify.AliyunAuthorization("YourAccessKeyId", "YourAccessKeySecret", "/", query, map[string]string{"host": "ecs.cn-shanghai.aliyuncs.com",
		"x-acs-action": "RunInstances", "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "x-acs-date": "2023-10-26T10:22:32Z",
		"x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d", "x-acs-version": "2014-05-26"})
	if want := "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version," +
		"Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"; ali != want {
		t.Error(ali)
	}
	tencent := notify.TencentAuthorization("AKID", "Gu5t9xGARNpq86cd98joQYCN3*******", "cvm", "DescribeInstances", "cvm.tencentcloudapi.com", time.Unix(1551113065, 0).UTC(),
		[]byte(`{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}`))
	if want := "TC3-HMAC-SHA256 Credential=AKID/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host;x-tc-action, " +
		"Signature=be4f67d323c78ab9acb7395e43c0dbcf822a9cfac32fea2449a7bc7726b770a3"; tencent != want {
		t.Error(tencent)
	}
	if got := notify.Sign("key", "1700000000", []byte(`{"a":1}`)); got != "v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03" {
		t.Error(got)
	}
	if got := notify.CanonicalQuery(map[string]string{"b": "a b*~+/", "a": "中"}); got != "a=%E4%B8%AD&b=a%20b%2A~%2B%2F" {
		t.Error(got)
	}
}

func TestVendors(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, p, other testhall.Pool) {
		v := newVendor(t)
		n := notify.New(options(h))
		set := func(provider, config string, enabled bool) {
			t.Helper()
			if _, err := h.Directory.UpdatePool(p.As(t.Context()), p.ID, directory.PoolPatch{Settings: directory.PoolSettings{
				CustomSMSProvider: &directory.SMSProvider{Enabled: &enabled, Provider: &provider, Config: &config}}}); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			name, provider, config string
			enabled                bool
			want                   string
		}{
			{"off", "ali", "{}", false, "sms_not_configured"},
			{"unknown", "pigeon", "{}", true, "sms_not_configured"},
			{"no JSON", "ali", "x", true, "sms_not_configured"},
			{"Aliyun", "ALI", "{}", true, ""},
		} {
			set(c.provider, c.config, c.enabled)
			if got := code(n.Ready(t.Context(), p.ID, notify.SMS)); got != c.want {
				t.Errorf("%s: %q instead of %q", c.name, got, c.want)
			}
		}
		if got := code(n.Ready(t.Context(), other.ID, notify.SMS)); got != "sms_not_configured" {
			t.Errorf("another pool: %q", got)
		}
		ali := `{"accessKeyId":"AK","accessKeySecret":"SK","signName":"签名","templateCode":"SMS_1","endpoint":"` + v.URL + `"}`
		tencent := `{"secretId":"AK","secretKey":"SK","sdkAppId":"1400","signName":"签名","templateId":"77","parameters":["code","minutes"],"endpoint":"` + v.URL + `"}`
		for _, c := range []struct{ name, provider, config, answer, state string }{
			{"taken", "ali", ali, `{"Code":"OK","Message":"OK"}`, "sent"},
			{"too much", "ali", ali, `{"Code":"isv.BUSINESS_LIMIT_CONTROL"}`, "due"},
			{"wrong", "ali", ali, `{"Code":"isv.MOBILE_NUMBER_ILLEGAL"}`, "failed"},
			{"no answer", "ali", ali, `oops`, "due"},
			{"taken", "tencent", tencent, `{"Response":{"SendStatusSet":[{"Code":"Ok"}]}}`, "sent"},
			{"wrong", "tencent", tencent, `{"Response":{"Error":{"Code":"AuthFailure.SignatureFailure"}}}`, "failed"},
			{"later", "tencent", tencent, `{"Response":{"SendStatusSet":[{"Code":"LimitExceeded.PhoneNumberThirtySecondLimit"}]}}`, "due"},
			{"in the clear to somebody else", "ali", strings.Replace(ali, v.URL, "http://sms.example.com", 1), ``, "failed"},
		} {
			set(c.provider, c.config, true)
			before := box(t, h)
			v.answers = []string{c.answer}
			if err := n.Send(t.Context(), p.ID, aText); err != nil {
				t.Fatal(err)
			}
			deliverAll(t, n)
			if after := box(t, h); after[c.state] != before[c.state]+1 {
				t.Errorf("%s of %s: %v, then %v", c.name, c.provider, before, after)
			}
		}
		// The requests are signed over what was sent.
		r := v.asked[0]
		q := r.URL.Query()
		if q.Get("PhoneNumbers") != "13800138000" || q.Get("SignName") != "签名" || q.Get("TemplateParam") != `{"code":"482913"}` || q.Get("TemplateCode") != "SMS_1" {
			t.Error(q)
		}
		signed := map[string]string{"host": r.Host}
		for _, name := range []string{"x-acs-action", "x-acs-version", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce"} {
			signed[name] = r.Header.Get(name)
		}
		if got, want := r.Header.Get("Authorization"), notify.AliyunAuthorization("AK", "SK", "/", r.URL.RawQuery, signed); got != want || signed["x-acs-action"] != "SendSms" {
			t.Errorf("%s instead of %s", got, want)
		}
		r, body := v.asked[4], v.bodies[4]
		if !strings.Contains(body, `"PhoneNumberSet":["+8613800138000"]`) || !strings.Contains(body, `"TemplateParamSet":["482913","10"]`) {
			t.Error(body)
		}
		at, _ := strconv.ParseInt(r.Header.Get("X-TC-Timestamp"), 10, 64)
		if got, want := r.Header.Get("Authorization"), notify.TencentAuthorization("AK", "SK", "sms", "SendSms", r.Host, time.Unix(at, 0).UTC(), []byte(body)); got != want {
			t.Errorf("%s instead of %s", got, want)
		}
	})
}
