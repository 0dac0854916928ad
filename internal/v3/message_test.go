package v3

import (
	"strings"
	"testing"
)

const aTemplate = `{"type":"LOGIN_VERIFY_CODE","customizeEnabled":true,"name":"ours","subject":"{{code}} for {{app_name}}","sender":"{{client_name}}","content":"<p>{{verify_code}}</p>"}`

func TestMessages(t *testing.T) {
	eachAPI(t, func(t *testing.T, h *apiHall) {
		s := newScript(t, h.client())
		broken := func(what, by string) string { return strings.Replace(aTemplate, what, by, 1) }
		s.run(t, []step{
			{"getEmailTemplates", `{}`, `200 {"templates":[{"type":"WELCOME_EMAIL","customizeEnabled":false,"tplEngine":"handlebar"},{},{},{"type":"LOGIN_VERIFY_CODE"},{},{},{},{},{},{},{},{},{},{},{}],"categories":[{"titleEn":"Welcome"},{},{}]}`, ""},
			{"updateEmailTemplate", aTemplate, `200 {"customizeEnabled":true,"name":"ours","subject":"{{code}} for {{app_name}}","tplEngine":"handlebar"}`, ""},
			{"updateEmailTemplate", broken(`<p>`, `{{#each x}}`), "400 邮件模版有误：#each x", ""},
			{"updateEmailTemplate", broken(`LOGIN_VERIFY_CODE`, `NONSENSE`), "400 参数 type 格式错误", ""},
			{"updateEmailTemplate", broken(`"name":"ours",`, ``), "400 参数 name 格式错误", ""},
			{"getEmailTemplates", `{}`, `200 {"templates":[{},{},{},{"type":"LOGIN_VERIFY_CODE","customizeEnabled":true,"name":"ours"},{},{},{},{},{},{},{},{},{},{},{}]}`, ""},
			{"previewEmailTemplate", `{"type":"LOGIN_VERIFY_CODE"}`, `200 {"content":"<p>123456</p>","subject":"123456 for Example","sender":"Example"}`, ""},
			{"previewEmailTemplate", `{"type":"MFA_VERIFY_CODE","content":"<%= expires_in %>","subject":"s","sender":"<b>","expiresIn":1800,"tplEngine":"ejs"}`,
				`200 {"content":"30","subject":"s","sender":"<b>"}`, ""},
			{"previewEmailTemplate", `{"type":"LOGIN_VERIFY_CODE","content":"{{nope}}"}`, "400 邮件模版有误：nope", ""},

			{"getEmailProvider", `{}`, `200 {"enabled":false}`, ""},
			{"configEmailProvider", `{"type":"custom","enabled":true,"smtpConfig":{"smtp_host":"smtp.test","smtp_port":465,"sender":"id@guildhall.test","senderPass":"hush","secure":true}}`,
				`200 {"enabled":true,"type":"custom","smtpConfig":{"smtp_host":"smtp.test","smtp_port":465,"sender":"id@guildhall.test","senderPass":"******","secure":true}}`, ""},
			{"configEmailProvider", `{"type":"sendgrid","enabled":true,"sendGridConfig":{"sender":"id@guildhall.test","apikey":"hush"}}`,
				`200 {"enabled":true,"type":"sendgrid","sendGridConfig":{"sender":"id@guildhall.test","apikey":"******"}}`, ""},
			{"configEmailProvider", `{"type":"ali","enabled":true,"aliExmailConfig":{"sender":"id@guildhall.test","senderPass":"hush"}}`, `200 {"aliExmailConfig":{"senderPass":"******"}}`, ""},
			{"configEmailProvider", `{"type":"ali","enabled":true}`, "422 邮件服务商配置不完整", ""},
			{"configEmailProvider", `{"type":"pigeon","enabled":true}`, "400 参数 type 格式错误", ""},
			{"configEmailProvider", `{"type":"custom","enabled":true,"smtpConfig":{"smtp_host":"smtp.test/x","smtp_port":465,"senderPass":"x"}}`, "400 参数 smtp_host 格式错误", ""},
			{"configEmailProvider", `{"type":"qq","enabled":false,"tencentExmailConfig":{"sender":"id@guildhall.test","senderPass":"hush"}}`,
				`200 {"enabled":false,"type":"qq","tencentExmailConfig":{"sender":"id@guildhall.test","senderPass":"******"}}`, ""},
			{"getEmailProvider", `{}`, `200 {"enabled":false,"type":"qq"}`, ""},
		})
		s.assertComplete(t, "message", nil, []string{"getEmailTemplates", "getEmailProvider"})
	})
}
