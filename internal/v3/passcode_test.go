package v3

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/signin"
)

func TestPasscodes(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.atDoorOf(h.pool.AppID))
		const tooOften = "429 发送过于频繁，请稍后重试"
		s.run(t, []step{
			{"sendEmail", `{"channel":"CHANNEL_LOGIN","email":"Ann@Example.com"}`, "200", ""},
			{"sendEmail", `{"channel":"CHANNEL_LOGIN","email":"ann@example.com"}`, tooOften, ""},
			{"sendEmail", `{"channel":"CHANNEL_REGISTER","email":"ann@example.com"}`, "200", ""},
			{"sendEmail", `{"channel":"CHANNEL_VERIFY_EMAIL_LINK","email":"ann@example.com"}`, "200", ""},
			{"sendEmail", `{"channel":"CHANNEL_NONSENSE","email":"ann@example.com"}`, "400 参数 channel 格式错误", ""},
			{"sendEmail", `{"channel":"CHANNEL_LOGIN","email":"ann"}`, "400 参数 email 格式错误", ""},
			{"sendEmail", `{"channel":"CHANNEL_LOGIN"}`, "400 参数 email 格式错误", ""},
			{"sendSms", `{"channel":"CHANNEL_LOGIN","phoneNumber":"13800138000"}`, "200", ""},
			{"sendSms", `{"channel":"CHANNEL_LOGIN","phoneNumber":"13800138000","phoneCountryCode":"+86"}`, tooOften, ""},
			{"sendSms", `{"channel":"CHANNEL_LOGIN","phoneNumber":"x"}`, "400 参数 phone 格式错误", ""},
		})
		s.names["mail"], s.names["text"] = h.Mail(t, "ann@example.com").Code, h.Mail(t, "+8613800138000").Code
		for _, m := range h.Inbox.Messages("ann@example.com") {
			if m.Kind == "LOGIN_VERIFY_CODE" {
				s.names["mail"] = m.Code
			}
		}
		const invalid = `200 {"isValid":false,"message":"验证码错误"}`
		s.run(t, []step{
			{"preCheckCode", `{"codeType":"EMAIL","emailCodePayload":{"channel":"CHANNEL_LOGIN","email":"ann@example.com","passCode":"{mail}"}}`, `200 {"isValid":true}`, ""},
			{"preCheckCode", `{"codeType":"EMAIL","emailCodePayload":{"channel":"CHANNEL_LOGIN","email":"ann@example.com","passCode":"{mail}"}}`, `200 {"isValid":true}`, ""},
			{"preCheckCode", `{"codeType":"EMAIL","emailCodePayload":{"channel":"CHANNEL_REGISTER","email":"nobody@example.com","passCode":"000000"}}`, invalid, ""},
			{"preCheckCode", `{"codeType":"SMS","smsCodePayload":{"channel":"CHANNEL_LOGIN","phone":"13800138000","phoneCountryCode":"86","passCode":"{text}"}}`, `200 {"isValid":true}`, ""},
			{"preCheckCode", `{"codeType":"SMS","smsCodePayload":{"channel":"CHANNEL_LOGIN","phone":"13800138001","passCode":"{text}"}}`, invalid, ""},
			{"preCheckCode", `{"codeType":"SMS"}`, "400 参数 smsCodePayload 格式错误", ""},
			{"preCheckCode", `{"codeType":"SMS","emailCodePayload":{"channel":"CHANNEL_LOGIN","email":"ann@example.com","passCode":"1"}}`, "400 参数 smsCodePayload 格式错误", ""},
			{"preCheckCode", `{"codeType":"EMAIL","emailCodePayload":{"channel":"X","email":"ann@example.com","passCode":"1"}}`, "400 参数 channel 格式错误", ""},
			{"geneCatchaCodeAndToken", `{}`, `200 {"captchaCodeSvg":"*","captchaToken":"*"}`, ""},
		})
		nowhere := newScript(t, h.atDoorOf("ffffffffffffffffffffffff"))
		nowhere.run(t, []step{
			{"sendEmail", `{"channel":"CHANNEL_LOGIN","email":"bob@example.com"}`, "404 应用不存在", ""},
			{"geneCatchaCodeAndToken", `{}`, "404 应用不存在", ""},
		})
		if list := h.Inbox.Messages("bob@example.com"); len(list) != 0 {
			t.Error(list)
		}
	})
}

// TestCaptchaAtTheDoor gets wrong passwords, then the picture, then in.
func TestCaptchaAtTheDoor(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.atDoorOf(h.pool.AppID))
		shown := `"client_id":"` + h.pool.AppID + `","client_secret":"` + h.pool.AppSecret + `"`
		s.run(t, []step{{"signUp", `{"connection":"PASSWORD","passwordPayload":{"password":"correct horse","username":"ann"}}`, "200", ""}})
		wrong := step{"signInByCredentials", `{"connection":"PASSWORD","passwordPayload":{"password":"wrong","account":"ann"},` + shown + `}`, "403 账号或密码错误", ""}
		s.run(t, []step{wrong, wrong, wrong, wrong, wrong})
		right := func(options string) string {
			return `{"connection":"PASSWORD","passwordPayload":{"password":"correct horse","account":"ann"},` + shown + options + `}`
		}
		s.run(t, []step{
			{"signInByCredentials", right(``), "403 请输入图形验证码", ""},
			{"signInByCredentials", right(`,"options":{"captchaToken":"x","captchaCode":"1234"}`), "403 图形验证码错误", ""},
		})
		r := httptest.NewRequest("GET", "/api/v3/captcha-code", nil)
		r.Header.Set("X-Authing-App-Id", h.pool.AppID)
		r = r.WithContext(caller.With(t.Context(), &caller.Caller{RequestID: "request-1", ClientIP: "192.0.2.7"}))
		w := httptest.NewRecorder()
		h.mux.ServeHTTP(w, r)
		token := w.Header().Get("X-Captcha-Token")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/svg+xml" || !strings.HasPrefix(w.Body.String(), "<svg") {
			t.Fatal(w.Code, w.Header(), w.Body)
		}
		var answer string
		if _, err := h.Signin.PeekTicket(t.Context(), signin.TicketKind("captcha"), token, &answer); err != nil {
			t.Fatal(err)
		}
		s.names["token"], s.names["answer"] = token, answer
		s.run(t, []step{
			{"signInByCredentials", right(`,"options":{"captchaToken":"{token}","captchaCode":"{answer}"}`), `200 {"token_type":"Bearer"}`, ""},
			{"signInByCredentials", right(``), `200 {"token_type":"Bearer"}`, ""},
		})
	})
}
