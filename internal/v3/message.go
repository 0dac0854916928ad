package v3

import (
	"context"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/notify"
	"github.com/guildhall-id/guildhall/internal/op"
)

// messageOperations are the domain message of the management client: through whom a pool's mails go, and how they are worded.
func (a *API) messageOperations() []op.Op {
	key := op.ManagementKey
	return []op.Op{
		op.Get("/api/v3/get-email-templates", "getEmailTemplates", key, a.getEmailTemplates),
		op.Post("/api/v3/update-email-template", "updateEmailTemplate", key, a.updateEmailTemplate),
		op.Query("/api/v3/preview-email-template", "previewEmailTemplate", key, a.previewEmailTemplate),
		op.Get("/api/v3/get-email-provider", "getEmailProvider", key, a.getEmailProvider),
		op.Post("/api/v3/config-email-provider", "configEmailProvider", key, a.configEmailProvider),
	}
}

// emailTemplateDTO is EmailTemplateDto.
type emailTemplateDTO struct {
	CustomizeEnabled bool        `json:"customizeEnabled"`
	Type             notify.Kind `json:"type"`
	Name             string      `json:"name"`
	Subject          string      `json:"subject"`
	Sender           string      `json:"sender"`
	Content          string      `json:"content"`
	ExpiresIn        int64       `json:"expiresIn,omitzero"`
	RedirectTo       string      `json:"redirectTo,omitzero"`
	Engine           string      `json:"tplEngine"`
}

func viewEmailTemplate(t *notify.Template) emailTemplateDTO {
	return emailTemplateDTO{t.Customized, t.Kind, t.Name, t.Subject, t.Sender, t.Content, t.ExpiresIn, t.RedirectTo, t.Engine}
}

type emailCategoryDTO struct {
	Title   string `json:"title"`
	TitleEn string `json:"titleEn"`
	Desc    string `json:"desc"`
	DescEn  string `json:"descEn"`
}

type emailTemplatesDTO struct {
	Templates  []emailTemplateDTO `json:"templates"`
	Categories []emailCategoryDTO `json:"categories"`
}

// emailCategories are what the templates are grouped by in consoles.
var emailCategories = []emailCategoryDTO{
	{"欢迎", "Welcome", "账号创建后发送", "Sent when an account is made"},
	{"验证", "Verification", "包含验证码或验证链接", "With a code or a link"},
	{"通知", "Notice", "密码变更等提醒", "Of changes to the password and the like"},
}

func (a *API) getEmailTemplates(ctx context.Context, _ *struct{}) (*emailTemplatesDTO, error) {
	list, err := a.Notify.Templates(ctx, poolOf(ctx), caller.From(ctx).Language)
	if err != nil {
		return nil, err
	}
	out := &emailTemplatesDTO{make([]emailTemplateDTO, len(list)), emailCategories}
	for i := range list {
		out.Templates[i] = viewEmailTemplate(&list[i])
	}
	return out, nil
}

func (a *API) updateEmailTemplate(ctx context.Context, in *UpdateEmailTemplateDto) (*emailTemplateDTO, error) {
	t, err := a.Notify.SetTemplate(ctx, notify.Template{PoolID: poolOf(ctx), Kind: notify.Kind(in.Type), Customized: in.CustomizeEnabled, Name: in.Name,
		Subject: in.Subject, Sender: in.Sender, Content: in.Content, ExpiresIn: value(in.ExpiresIn), RedirectTo: value(in.RedirectTo), Engine: value(in.TplEngine)})
	if err != nil {
		return nil, err
	}
	view := viewEmailTemplate(t)
	return &view, nil
}

type emailPreviewDTO struct {
	Content string `json:"content"`
	Subject string `json:"subject"`
	Sender  string `json:"sender"`
}

func (a *API) previewEmailTemplate(ctx context.Context, in *PreviewEmailTemplateDto) (*emailPreviewDTO, error) {
	t, err := a.Notify.Preview(ctx, notify.Template{PoolID: poolOf(ctx), Kind: notify.Kind(in.Type), Subject: value(in.Subject), Sender: value(in.Sender),
		Content: value(in.Content), ExpiresIn: value(in.ExpiresIn), Engine: value(in.TplEngine)}, caller.From(ctx).Language)
	if err != nil {
		return nil, err
	}
	return &emailPreviewDTO{t.Content, t.Subject, t.Sender}, nil
}

type smtpDTO struct {
	Host   string `json:"smtp_host"`
	Port   int    `json:"smtp_port"`
	Sender string `json:"sender"`
	Secret string `json:"senderPass"`
	Secure bool   `json:"secure"`
}

type exmailDTO struct {
	Sender string `json:"sender"`
	Secret string `json:"senderPass"`
}

type sendGridDTO struct {
	Sender string `json:"sender"`
	Secret string `json:"apikey"`
}

// emailProviderDTO is EmailProviderDto. Secrets are never told: see notify.HiddenSecret.
type emailProviderDTO struct {
	Enabled  bool         `json:"enabled"`
	Type     string       `json:"type,omitzero"`
	SMTP     *smtpDTO     `json:"smtpConfig,omitzero"`
	SendGrid *sendGridDTO `json:"sendGridConfig,omitzero"`
	Ali      *exmailDTO   `json:"aliExmailConfig,omitzero"`
	Tencent  *exmailDTO   `json:"tencentExmailConfig,omitzero"`
}

func viewEmailProvider(p *notify.Provider, err error) (*emailProviderDTO, error) {
	if err != nil || p == nil {
		return &emailProviderDTO{}, err
	}
	out := &emailProviderDTO{Enabled: p.Enabled, Type: p.Type}
	switch p.Type {
	case notify.ProviderAli:
		out.Ali = &exmailDTO{p.Sender, p.Secret}
	case notify.ProviderQQ:
		out.Tencent = &exmailDTO{p.Sender, p.Secret}
	case notify.ProviderSendGrid:
		out.SendGrid = &sendGridDTO{p.Sender, p.Secret}
	default:
		out.SMTP = &smtpDTO{p.Host, p.Port, p.Sender, p.Secret, p.Secure}
	}
	return out, nil
}

func (a *API) getEmailProvider(ctx context.Context, _ *struct{}) (*emailProviderDTO, error) {
	return viewEmailProvider(a.Notify.Provider(ctx, poolOf(ctx)))
}

// configEmailProvider reads the settings of the type that is named; those of others are not looked at.
func (a *API) configEmailProvider(ctx context.Context, in *ConfigEmailProviderDto) (*emailProviderDTO, error) {
	p := notify.Provider{Type: in.Type, Enabled: in.Enabled}
	switch {
	case in.Type == notify.ProviderAli && in.AliExmailConfig != nil:
		p.Sender, p.Secret = in.AliExmailConfig.Sender, in.AliExmailConfig.SenderPass
	case in.Type == notify.ProviderQQ && in.TencentExmailConfig != nil:
		p.Sender, p.Secret = in.TencentExmailConfig.Sender, in.TencentExmailConfig.SenderPass
	case in.Type == notify.ProviderSendGrid && in.SendGridConfig != nil:
		p.Sender, p.Secret = in.SendGridConfig.Sender, in.SendGridConfig.Apikey
	case in.Type == notify.ProviderCustom && in.SmtpConfig != nil:
		c := in.SmtpConfig
		p.Host, p.Port, p.Sender, p.Secret, p.Secure = c.SmtpHost, int(c.SmtpPort), value(c.Sender), c.SenderPass, value(c.Secure)
	}
	return viewEmailProvider(a.Notify.SetProvider(ctx, poolOf(ctx), p))
}
