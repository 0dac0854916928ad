package v2

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// Whatever a step of a pending sign-in holds, its answer has the form of the wire, nothing breaks inside, and it signs nobody in: no factor is
// shown that was demanded.
func FuzzAuthFlow(f *testing.F) {
	h := oneHall(f)
	ctx := h.one.As(f.Context())
	name := "fuzz-flow"
	u, err := h.Directory.CreateUser(ctx, h.one.ID, directory.NewUser{UserInput: directory.UserInput{Username: &name, Email: new("fuzz-flow@example.com")},
		Password: &directory.PasswordInput{Text: "correct horse"}})
	if err != nil {
		f.Fatal(err)
	}
	app, err := h.Signin.UpdateApplication(ctx, h.one.ID, h.one.AppID, signin.ApplicationPatch{
		Settings: func(s *signin.AppSettings) error { s.Factors = &[]string{"OTP", "EMAIL", "SMS"}; return nil }})
	if err != nil {
		f.Fatal(err)
	}
	const data = `{"totp":"123456","email":"x@example.com","phone":"13800000000","code":"000000","recoveryCode":"0000-0000-0000-0000-0000-0000","credential":{},"ticket":"x",
		"password":"x","oldPassword":"y","fieldValues":[{"name":"company","value":"x"},{"name":"email","value":null,"code":"1"}],"rememberDevice":true}`
	for _, action := range slices.Sorted(maps.Keys(flowActions)) {
		f.Add(action, data, true)
		f.Add(action, `null`, false)
	}
	f.Add("verify-totp", `{"totp":1}`, true)
	f.Add("verify-totp", `[]`, true)
	f.Add("", `{"mfaToken":"x"}`, false)
	f.Add("complete-completion", `{"fieldValues":[null,{"name":"\u0000","value":{"a":[1]}}]}`, true)
	handle := ""
	f.Fuzz(func(t *testing.T, action, data string, live bool) {
		if live {
			if _, err := h.Signin.Flow(ctx, handle); err != nil { // five tries end it, and ten lock the account
				if err := h.Signin.UnlockUser(ctx, h.one.ID, u.ID); err != nil {
					t.Fatal(err)
				}
				out, err := h.Signin.SignIn(ctx, app, signin.Attempt{Method: signin.ByPassword, Account: name, Password: "correct horse"})
				if err != nil || out.Step == nil {
					t.Fatalf("%+v, %v", out, err)
				}
				handle = out.Step.Handle
			}
		}
		body := data // a body of any kind, where the data are no JSON
		if json.Valid([]byte(data)) {
			text := ""
			if live {
				text = handle
			}
			if b, err := json.Marshal(map[string]any{"action": strings.ToValidUTF8(action, "?"), "data": json.RawMessage(data), "flowHandle": text}); err == nil {
				body = string(b)
			}
		}
		h.complaints = nil
		w := h.request("POST", "/interaction/authFlow", body, "", headerApp, h.one.AppID)
		if w.Code != 200 {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		if code, _ := readREST(t, w.Body.Bytes()); code == 500 {
			t.Error(w.Body)
		}
		if w.Header().Get("Set-Cookie") != "" || strings.Contains(w.Body.String(), fmt.Sprint(flowEnd)+`,"message":"success"`) {
			t.Errorf("%s signs in: %s", body, w.Body)
		}
		if len(h.complaints) > 0 {
			t.Errorf("%s", strings.Join(h.complaints, ""))
			h.complaints = nil
		}
	})
}
