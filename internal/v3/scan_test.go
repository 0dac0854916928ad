package v3

import (
	"encoding/base64"
	"slices"
	"testing"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// scanning changes the application: it offers codes to scan, and lets browsers exchange their tickets or not.
func (h *apiHall) scanning(t testing.TB, inBrowser bool) {
	t.Helper()
	if _, err := h.Signin.UpdateApplication(h.pool.As(t.Context()), h.pool.ID, h.pool.AppID, signin.ApplicationPatch{Settings: func(s *signin.AppSettings) error {
		if !slices.Contains(s.LoginMethods, signin.LoginQRCode) {
			s.LoginMethods = append(slices.Clone(s.LoginMethods), signin.LoginQRCode)
		}
		s.CustomSecurity = true
		s.Security.QRCodeLogin = &directory.QRCodeLogin{ExchangeInBrowser: &inBrowser}
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
}

// shows is the application's client with a secret.
func (h *apiHall) shows(secret string) *client {
	return h.atDoorOf(h.pool.AppID).with("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(h.pool.AppID+":"+secret)))
}

// A browser shows a code; somebody who is signed in scans and allows it; the application's server exchanges the ticket.
func TestScan(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		for _, name := range []string{"ann", "bob"} {
			if a := h.client().send(t, "POST", "/api/v3/create-user", `{"nickname":"`+name+`","password":"correct horse","username":"`+name+`"}`); a.StatusCode != 200 {
				t.Fatal(a.Text)
			}
		}
		door := newScript(t, h.atDoorOf(h.pool.AppID))
		ann, bob := newScript(t, h.signedIn(t, "ann", "correct horse", "openid")), newScript(t, h.signedIn(t, "bob", "correct horse", "openid"))
		door.names["app"], door.names["secret"] = h.pool.AppID, h.pool.AppSecret
		begin := func() {
			t.Helper()
			door.run(t, []step{{"geneQrCode", `{"type":"MOBILE_APP"}`, `200 {"qrcodeId":"*","url":"*"}`, "code=qrcodeId"}})
			ann.names["code"], bob.names["code"] = door.names["code"], door.names["code"]
		}
		stands := func(want, keep string) {
			t.Helper()
			for _, operation := range []string{"getQrCodeStatus", "checkQrCodeStatus"} {
				door.run(t, []step{{operation, `{"qrcodeId":"{code}"}`, "200 " + want, keep}})
			}
		}
		does := func(s *script, action, want string) {
			t.Helper()
			s.run(t, []step{{"setQrCodeStatus", `{"action":"` + action + `","qrcodeId":"{code}"}`, want, ""}})
		}

		door.run(t, []step{{"geneQrCode", `{"type":"MOBILE_APP"}`, "403", ""}}) // the application offers none
		h.scanning(t, false)
		door.run(t, []step{
			{"geneQrCode", `{"type":"WECHAT_MINIPROGRAM"}`, "501", ""},
			{"geneQrCode", `{"type":"x"}`, "400 参数 type 格式错误", ""},
			{"geneQrCode", `{}`, "400 参数 type 格式错误", ""},
			{"getQrCodeStatus", `{"qrcodeId":"x"}`, `200 {"status":"EXPIRED"}`, ""},
			{"checkQrCodeStatus", `{"qrcodeId":"{long}"}`, "400 参数 qrcodeId 格式错误", ""},
			{"exchangeTokenSetWithQrCodeTicket", `{"client_id":"{app}","client_secret":"{secret}","ticket":"x"}`, "400", ""},
			{"exchangeTokenSetWithQrCodeTicket", `{"client_id":"{app}","client_secret":"wrong","ticket":"x"}`, "401", ""},
			{"exchangeTokenSetWithQrCodeTicket", `{"client_id":"{app}","client_secret":"{secret}"}`, "400 参数 ticket 格式错误", ""},
			{"setQrCodeStatus", `{"action":"SCAN","qrcodeId":"x"}`, "401", ""},
			{"changeQrCodeStatus", `{"action":"SCAN","qrcodeId":"x"}`, "401", ""},
		})
		ann.run(t, []step{
			{"setQrCodeStatus", `{"action":"SCAN","qrcodeId":"x"}`, "404", ""},
			{"changeQrCodeStatus", `{"action":"SCAN","qrcodeId":"x"}`, "404", ""},
			{"setQrCodeStatus", `{"action":"EAT","qrcodeId":"x"}`, "400 参数 action 格式错误", ""},
		})

		begin()
		stands(`{"status":"PENDING"}`, "")
		does(ann, "CONFIRM", "422")
		does(ann, "SCAN", `200 {"success":true}`)
		stands(`{"status":"SCANNED","briefUserInfo":{"displayName":"ann","photo":"*"}}`, "")
		does(bob, "CONFIRM", "422")
		does(bob, "CANCEL", "422")
		does(ann, "CONFIRM", `200 {"success":true}`)
		stands(`{"status":"AUTHORIZED","ticket":"*","briefUserInfo":{"displayName":"ann"}}`, "ticket=ticket")
		exchange := `{"client_id":"{app}","client_secret":"{secret}","ticket":"{ticket}"}`
		door.run(t, []step{
			{"exchangeTokenSetWithQrCodeTicket", `{"client_id":"{app}","client_secret":"{secret}","ticket":"{code}"}`, "400", ""},
			{"exchangeTokenSetWithQrCodeTicket", exchange, `200 {"access_token":"*","id_token":"*","token_type":"Bearer"}`, "token=access_token"},
			{"exchangeTokenSetWithQrCodeTicket", exchange, "400", ""},
		})
		newScript(t, h.atDoorOf(h.pool.AppID).bearer(door.names["token"])).run(t, []step{{"getProfile", "", `200 {"username":"ann"}`, ""}})

		begin()
		ann.run(t, []step{{"changeQrCodeStatus", `{"action":"SCAN","qrcodeId":"{code}"}`, "200", ""}, {"changeQrCodeStatus", `{"action":"CANCEL","qrcodeId":"{code}"}`, "200", ""}})
		stands(`{"status":"CANCELLED"}`, "")
		does(ann, "CONFIRM", "422")
	})
}

// Somebody who is signed in shows a code to an app that is not: it gets in, once.
func TestFastpass(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		if a := h.client().send(t, "POST", "/api/v3/create-user", `{"nickname":"Ann","password":"correct horse","username":"ann"}`); a.StatusCode != 200 {
			t.Fatal(a.Text)
		}
		ann := newScript(t, h.signedIn(t, "ann", "correct horse", "openid"))
		ann.names["app"], ann.names["pool"] = h.pool.AppID, h.pool.ID
		ann.run(t, []step{{"geneFastpassQrcodeInfo", "{}", "403", ""}}) // the application offers none
		h.scanning(t, false)
		ann.run(t, []step{{"geneFastpassQrcodeInfo", "{}",
			`200 {"scene":"APP_LOGIN","qrcodeId":"*","apiHost":"*","appId":"{app}","user":{"id":"*","displayName":"Ann","photo":"*"},"userpool":{"id":"{pool}","displayName":"*"}}`, "code=qrcodeId"}})
		app := newScript(t, h.shows(h.pool.AppSecret))
		app.names["code"], app.names["app"] = ann.names["code"], h.pool.AppID
		app.run(t, []step{
			{"getAppLoginQrCodeStatus", `{"qrcodeId":"{code}"}`, `200 {"status":"PENDING"}`, ""},
			{"getAppLoginQrCodeStatus", `{"qrcodeId":"x"}`, `200 {"status":"EXPIRED"}`, ""},
			{"getFastpassParams", `{"appId":"{app}","qrcodeId":"{code}"}`, `200 {"relationApps":[{"id":"{app}","name":"first"}]}`, ""},
			{"getFastpassParams", `{"appId":"{nobody}","qrcodeId":"{code}"}`, "400", ""},
			{"getFastpassParams", `{"appId":"{app}","qrcodeId":"x"}`, "400", ""},
			{"qrCodeAppLogin", `{"action":"APP_LOGIN","qrcodeId":"x"}`, "400", ""},
			{"qrCodeAppLogin", `{"action":"x","qrcodeId":"{code}"}`, "400 参数 action 格式错误", ""},
		})
		stranger := newScript(t, h.shows("wrong"))
		stranger.names["code"] = ann.names["code"]
		stranger.run(t, []step{{"qrCodeAppLogin", `{"action":"APP_LOGIN","qrcodeId":"{code}"}`, "401", ""}})
		app.run(t, []step{
			{"qrCodeAppLogin", `{"action":"APP_LOGIN","qrcodeId":"{code}"}`, `200 {"access_token":"*","id_token":"*"}`, "token=access_token"},
			{"getAppLoginQrCodeStatus", `{"qrcodeId":"{code}"}`, `200 {"status":"AUTHORIZED"}`, ""},
			{"qrCodeAppLogin", `{"action":"APP_LOGIN","qrcodeId":"{code}"}`, "400", ""},
		})
		newScript(t, h.atDoorOf(h.pool.AppID).bearer(app.names["token"])).run(t, []step{{"getProfile", "", `200 {"username":"ann"}`, ""}})
		newScript(t, h.atDoorOf(h.pool.AppID)).run(t, []step{{"geneFastpassQrcodeInfo", "{}", "401", ""}})
	})
}
