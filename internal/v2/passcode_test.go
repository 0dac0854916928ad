package v2

import (
	"strings"
	"testing"
	"time"

	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/notify"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// later lets the minute between two codes pass.
func (h *hall) later(t *testing.T) {
	t.Helper()
	for _, s := range []string{"update passcodes set sent_at = sent_at - ?", "update rates set expires_at = expires_at - ? where name like 'link/%'"} {
		if _, err := db.Exec(t.Context(), h.DB, s, time.Minute.Milliseconds()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPasscodes(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		is := func(r reply, code, status int) {
			t.Helper()
			if r.Code != code || r.StatusCode/100 != status || code >= 1000 && r.APICode != code {
				t.Errorf("%d and %d are wanted: %s", code, status, r.text)
			}
		}
		// Every scene of the wire, and what a mail of it is called.
		for scene, kind := range map[string]notify.Kind{"LOGIN_VERIFY_CODE": notify.LoginCode, "REGISTER_VERIFY_CODE": notify.RegisterCode,
			"RESET_PASSWORD": notify.ResetCode, "CHANGE_EMAIL": notify.BindCode, "MFA_VERIFY": notify.MFACode, "EMAIL_UNBIND_VERIFY_CODE": notify.UnbindCode,
			"INFORMATION_COMPLETION_VERIFY_CODE": notify.CompletionCode, "SELF_UNLOCKING_VERIFY_CODE": notify.UnlockCode} {
			to := strings.ToLower(scene) + "@example.com"
			is(h.ask(t, "POST", "/api/v2/email/send", "", `{"email":"`+to+`","scene":"`+scene+`"}`), 200, 2)
			if m := h.Mail(t, to); m.Kind != kind || len(m.Code) != 6 {
				t.Errorf("%s: %+v", scene, m)
			}
		}
		is(h.ask(t, "POST", "/api/v2/email/send", "", `{"email":"change_email@example.com","scene":"CHANGE_EMAIL"}`), 2080, 4)
		is(h.ask(t, "POST", "/api/v2/email/send", "", `{"email":"a@example.com","scene":"WELCOME_EMAIL"}`), 400, 4)
		is(h.ask(t, "POST", "/api/v2/email/send", "", `{"email":"a","scene":"LOGIN_VERIFY_CODE"}`), 400, 4)
		for _, path := range []string{"send", "send-login", "send-register"} {
			to := "1380013800" + string(rune('0'+len(path)%10))
			is(h.ask(t, "POST", "/api/v2/sms/"+path, "", `{"phone":"`+to+`"}`), 200, 2)
			if m := h.Mail(t, "+86"+to); len(m.Code) != 6 {
				t.Errorf("%s: %+v", path, m)
			}
			is(h.ask(t, "POST", "/api/v2/sms/"+path, "", `{"phone":"+86 `+to+`"}`), 2080, 4)
		}

		// A pre-check uses nothing up.
		is(h.ask(t, "POST", "/api/v2/sms/send", "", `{"phone":"13900139000","scene":"complete-phone"}`), 200, 2)
		code := h.Mail(t, "+8613900139000").Code
		for _, c := range []struct{ code, valid string }{{code, "true"}, {code, "true"}, {"1" + code, "false"}} {
			if r := h.ask(t, "POST", "/api/v2/sms/preCheckCode", "", `{"phone":"13900139000","phoneCode":"`+c.code+`"}`); r.Code != 200 || r.at("valid") != c.valid {
				t.Error(r.text)
			}
		}

		// A code without a purpose serves where the clients of old have none, and not for a second factor.
		is(h.ask(t, "POST", "/api/v2/sms/send", "", `{"phone":"13700137000"}`), 200, 2)
		code = h.Mail(t, "+8613700137000").Code
		to := signin.Address{Phone: "13700137000"}
		if err := h.Signin.SpendPasscode(t.Context(), h.one.ID, signin.PurposeVerifyMFA, to, code); err == nil {
			t.Error("the code served as a second factor")
		}
		if err := h.Signin.SpendPasscode(t.Context(), h.one.ID, signin.PurposeBindPhone, to, code); err != nil {
			t.Error(err)
		}
		if err := h.Signin.SpendPasscode(t.Context(), h.one.ID, signin.PurposeLogin, to, code); err == nil {
			t.Error("the code served twice")
		}
	})
}

func TestFirstLoginEmail(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		ann, _ := h.newcomer(t, "ann")
		h.known["ann"] = ann.ID
		nameless := "bob"
		bob, err := h.Directory.CreateUser(h.one.As(t.Context()), h.one.ID, directory.NewUser{UserInput: directory.UserInput{Username: &nameless}})
		if err != nil {
			t.Fatal(err)
		}
		h.known["bob"] = bob.ID
		const send = `mutation m($userId: String!, $appId: String!) { sendFirstLoginVerifyEmail(userId: $userId, appId: $appId) { message code } }`
		h.run(t, []step{
			{"a user", "", send, `{"userId":"$ann","appId":"$app"}`, `{"sendFirstLoginVerifyEmail":{"code":200}}`, ""},
			{"too often", "", send, `{"userId":"$ann","appId":"$app"}`, `!2080`, ""},
			{"nobody", "", send, `{"userId":"$nobody","appId":"$app"}`, `!2004`, ""},
			{"another pool's application", "", send, `{"userId":"$ann","appId":"$app2"}`, `!2011`, ""},
			{"no address", "", send, `{"userId":"$bob","appId":"$app"}`, `!422`, ""},
			{"without a key", "none", send, `{"userId":"$ann","appId":"$app"}`, `!2020`, ""},
			{"by an administrator", "", `mutation m { sendEmail(email: "ann@example.com", scene: RESET_PASSWORD) { message code } }`, ``, `{"sendEmail":{"code":200}}`, ""},
		})
		m := h.Mail(t, "ann@example.com")
		for _, c := range h.Inbox.Messages("ann@example.com") {
			if c.Kind == notify.FirstEmailVerify {
				m = c
			}
		}
		if m.Kind != notify.FirstEmailVerify || !strings.HasPrefix(m.Link, "http://guildhall.test/verify-email?token=") {
			t.Errorf("%+v", m)
		}
		h.later(t)
		h.run(t, []step{{"a minute later", "", send, `{"userId":"$ann","appId":"$app"}`, `{"sendFirstLoginVerifyEmail":{"code":200}}`, ""}})
	})
}
