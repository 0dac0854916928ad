package hosted

import (
	"net/http"
	"strings"

	"golang.org/x/text/language"
)

// lang is a language of the pages: the column of texts.
type lang int

const (
	english lang = iota
	chinese
)

// languages are those of the pages, each in its own name.
var languages = []struct{ code, tag, name string }{{"en", "en-US", "English"}, {"zh", "zh-CN", "简体中文"}}

var langMatcher = language.NewMatcher([]language.Tag{language.AmericanEnglish, language.SimplifiedChinese})

// langCookie keeps the person's choice of a language. It says nothing about anybody.
const langCookie = "guildhall_lang"

// langNamed is the language of a code or a tag of BCP 47, if it is one of ours.
func langNamed(tags string) (lang, bool) {
	list, _, err := language.ParseAcceptLanguage(strings.ReplaceAll(tags, " ", ","))
	if err != nil || len(list) == 0 {
		return 0, false
	}
	_, i, confidence := langMatcher.Match(list...)
	return lang(i), confidence != language.No
}

// langOf is the language for a request: the person's choice, what the authorization request or the application asks for (locales, in that
// order), the browser's, English.
func langOf(r *http.Request, locales ...string) lang {
	if c, err := r.Cookie(langCookie); err == nil {
		if l, ok := langNamed(c.Value); ok {
			return l
		}
	}
	for _, tags := range append(locales, r.Header.Get("Accept-Language")) {
		if l, ok := langNamed(tags); ok {
			return l
		}
	}
	return english
}

// text is the text of a key with args in the places of %s, in order.
func (l lang) text(key string, args ...string) string { return fillIn(texts[key][l], args) }

// fillIn puts args, in order, in the place of each %s; a %s without argument becomes nothing.
func fillIn(text string, args []string) string {
	for strings.Contains(text, "%s") {
		arg := ""
		if len(args) > 0 {
			arg, args = args[0], args[1:]
		}
		before, after, _ := strings.Cut(text, "%s")
		text = before + strings.ReplaceAll(arg, "%s", "%") + after
	}
	return text
}

// texts are all words of the pages, in English and in Chinese.
var texts = map[string][2]string{
	"html.lang":       {"en", "zh-CN"},
	"title.error":     {"Error: ", "错误："},
	"or":              {"or", "或"},
	"optional":        {"(optional)", "（选填）"},
	"copy":            {"Copy", "复制"},
	"copy.done":       {"Copied", "已复制"},
	"continue":        {"Continue", "继续"},
	"back.login":      {"Back to sign in", "返回登录"},
	"back.app":        {"Back to %s", "返回 %s"},
	"error.reference": {"Reference:", "参考编号："},

	// Sign-in.
	"login.heading":         {"Sign in", "登录"},
	"login.lead":            {"to continue to %s", "继续使用 %s"},
	"login.methods":         {"Ways to sign in", "登录方式"},
	"login.submit":          {"Sign in", "登录"},
	"login.keep":            {"Keep me signed in", "保持登录状态"},
	"login.forgot":          {"Forgot password?", "忘记密码？"},
	"login.new":             {"New here?", "还没有账号？"},
	"login.register":        {"Create an account", "注册账号"},
	"login.locked":          {"Unlock my account", "解锁账号"},
	"login.none":            {"This application offers no way to sign in here. Please contact its administrator.", "该应用未开启任何登录方式，请联系管理员。"},
	"tab.password":          {"Password", "密码"},
	"tab.email":             {"E-mail code", "邮箱验证码"},
	"tab.phone":             {"SMS code", "短信验证码"},
	"tab.scan":              {"Scan", "扫码"},
	"account.any":           {"Username, e-mail or phone", "用户名、邮箱或手机号"},
	"account.username":      {"Username", "用户名"},
	"account.email":         {"E-mail", "邮箱"},
	"account.phone":         {"Phone number", "手机号"},
	"account.email_phone":   {"E-mail or phone", "邮箱或手机号"},
	"account.username_mail": {"Username or e-mail", "用户名或邮箱"},
	"account.username_tel":  {"Username or phone", "用户名或手机号"},
	"account.country":       {"Country code", "国家/地区代码"},
	"account.switch":        {"Change", "更换"},
	"password":              {"Password", "密码"},
	"password.show":         {"Show the password", "显示密码"},
	"captcha":               {"Characters in the picture", "图片中的字符"},
	"captcha.alt":           {"A picture of characters to type into the field below", "需要在下方输入的字符图片"},
	"scan.lead":             {"Scan this with the app on your phone, where you are signed in already.", "请使用手机上已登录的应用扫描二维码。"},
	"scan.again":            {"New code", "刷新二维码"},
	"scan.next":             {"I have confirmed on my phone", "我已在手机上确认"},
	"qr.alt":                {"QR code", "二维码"},
	"qr.manual":             {"Cannot scan? Enter this key instead", "无法扫描？手动输入密钥"},
	"passkey.login":         {"Sign in with a passkey", "使用通行密钥登录"},
	"passkey.failed":        {"The passkey was not used. Please try again.", "未能使用通行密钥，请重试。"},
	"passkey.none":          {"This browser cannot use passkeys.", "此浏览器不支持通行密钥。"},

	// Codes.
	"code":           {"Code", "验证码"},
	"code.send":      {"Send code", "发送验证码"},
	"code.again":     {"Send again", "重新发送"},
	"code.sent":      {"If %s belongs to an account, a code is on its way to it.", "如果 %s 属于某个账号，验证码将发送至该地址。"},
	"code.sent_any":  {"A code is on its way to %s.", "验证码已发送至 %s。"},
	"code.email":     {"We send a code to your e-mail address.", "我们将向您的邮箱发送验证码。"},
	"code.phone":     {"We send a code to your phone by SMS.", "我们将通过短信向您的手机发送验证码。"},
	"code.elsewhere": {"Use another address", "更换地址"},

	// Registration.
	"register.heading":  {"Create your account", "注册账号"},
	"register.lead":     {"for %s", "用于 %s"},
	"register.submit":   {"Create account", "注册"},
	"register.have":     {"Have an account already?", "已有账号？"},
	"register.login":    {"Sign in", "登录"},
	"register.methods":  {"Ways to register", "注册方式"},
	"register.shut":     {"Registration is closed here. Please contact your administrator.", "此处未开放注册，请联系管理员。"},
	"tab.by_username":   {"Username", "用户名"},
	"tab.by_email":      {"E-mail", "邮箱"},
	"tab.by_phone":      {"Phone", "手机号"},
	"tab.by_email_code": {"E-mail code", "邮箱验证码"},
	"tab.by_phone_code": {"SMS code", "短信验证码"},
	"password.choose":   {"Choose a password", "设置密码"},
	"password.confirm":  {"Repeat the password", "确认密码"},
	"password.new":      {"New password", "新密码"},
	"password.old":      {"Current password", "当前密码"},
	"password.least":    {"At least %s characters.", "至少 %s 个字符。"},
	"password.mixed":    {"At least %s characters, of %s kinds: lower case, upper case, digits, others.", "至少 %s 个字符，包含小写字母、大写字母、数字、符号中的 %s 种。"},

	// Forgotten passwords.
	"forgot.heading": {"Reset your password", "重置密码"},
	"forgot.lead":    {"Enter the e-mail address or phone number of your account. We send a code to it.", "请输入账号的邮箱或手机号，我们将发送验证码。"},
	"reset.heading":  {"Choose a new password", "设置新密码"},
	"reset.check":    {"Enter the code", "输入验证码"},
	"reset.submit":   {"Save the password", "保存密码"},
	"reset.done":     {"Your password has been changed. Sign in with the new one.", "密码已修改，请使用新密码登录。"},
	"first.lead":     {"This is your first sign-in: please replace the password you were given.", "这是您首次登录，请修改初始密码。"},
	"choose.lead":    {"You have no password yet. Choose one to sign in with it from now on.", "您还没有密码，请设置一个，以后可用密码登录。"},
	"forced.lead":    {"Your password has to be changed before you go on.", "继续之前需要修改您的密码。"},

	// Second factor.
	"mfa.heading":        {"Confirm that it is you", "验证您的身份"},
	"mfa.lead":           {"Choose how to confirm your sign-in.", "请选择验证方式。"},
	"mfa.other":          {"Use another way", "使用其他方式"},
	"mfa.verify":         {"Confirm", "验证"},
	"mfa.remember":       {"Do not ask again on this device", "在此设备上不再询问"},
	"mfa.OTP":            {"Authenticator app", "身份验证器"},
	"mfa.SMS":            {"SMS code", "短信验证码"},
	"mfa.EMAIL":          {"E-mail code", "邮箱验证码"},
	"mfa.PASSKEY":        {"Passkey", "通行密钥"},
	"mfa.PASSKEY.use":    {"Use my passkey", "使用通行密钥"},
	"mfa.OTP.enter":      {"Enter the 6 digits that your authenticator app shows.", "请输入身份验证器显示的 6 位数字。"},
	"mfa.PASSKEY.enter":  {"Use your passkey: your fingerprint, face, PIN or security key.", "请使用通行密钥：指纹、面容、PIN 或安全密钥。"},
	"mfa.code.enter":     {"Enter the code that was sent to %s.", "请输入发送至 %s 的验证码。"},
	"mfa.code.send":      {"We send a code to %s.", "我们将发送验证码至 %s。"},
	"mfa.recovery":       {"Use a recovery code", "使用恢复代码"},
	"mfa.recovery.lead":  {"Enter the recovery code that you kept when you set up your authenticator app. It works once.", "请输入设置身份验证器时保存的恢复代码，仅可使用一次。"},
	"mfa.recovery.code":  {"Recovery code", "恢复代码"},
	"mfa.recovery.not":   {"Use the authenticator app", "使用身份验证器"},
	"mfa.none":           {"No way to confirm your sign-in is set up for this account. Please contact your administrator.", "此账号没有可用的验证方式，请联系管理员。"},
	"enrol.heading":      {"Make your account safer", "提升账号安全"},
	"enrol.lead":         {"A second way to confirm your sign-in is needed here. Choose one to set up.", "此处需要第二种验证方式，请选择一种进行设置。"},
	"enrol.OTP":          {"Set up your authenticator app", "设置身份验证器"},
	"enrol.OTP.lead":     {"Scan this code with an authenticator app, then enter the 6 digits that it shows.", "请使用身份验证器扫描二维码，然后输入显示的 6 位数字。"},
	"enrol.OTP.hint":     {"An app on your phone shows a new code every 30 seconds", "手机应用每 30 秒显示一个新的验证码"},
	"enrol.SMS":          {"Set up SMS codes", "设置短信验证"},
	"enrol.SMS.hint":     {"A code comes by SMS", "通过短信接收验证码"},
	"enrol.EMAIL":        {"Set up e-mail codes", "设置邮箱验证"},
	"enrol.EMAIL.hint":   {"A code comes by e-mail", "通过邮件接收验证码"},
	"enrol.PASSKEY":      {"Set up a passkey", "设置通行密钥"},
	"enrol.PASSKEY.hint": {"Your fingerprint, face, PIN or security key", "指纹、面容、PIN 或安全密钥"},
	"enrol.PASSKEY.lead": {"Your device asks for your fingerprint, face or PIN and keeps the passkey.", "您的设备将请求指纹、面容或 PIN，并保存通行密钥。"},
	"recovery.heading":   {"Keep your recovery code", "保存恢复代码"},
	"recovery.lead":      {"It lets you in once if you lose your phone. Write it down or keep it in a safe place: it is not shown again.", "手机丢失时可凭此代码登录一次。请抄写或妥善保存：此代码不会再次显示。"},
	"recovery.submit":    {"I have kept it", "我已保存"},

	// Missing fields.
	"complete.heading":        {"A little more about you", "完善信息"},
	"complete.lead":           {"%s asks for this before you go on.", "继续之前，%s 需要以下信息。"},
	"complete.submit":         {"Save and continue", "保存并继续"},
	"complete.skip":           {"Later", "以后再说"},
	"field.name":              {"Full name", "姓名"},
	"field.nickname":          {"Nickname", "昵称"},
	"field.givenName":         {"Given name", "名"},
	"field.familyName":        {"Family name", "姓"},
	"field.middleName":        {"Middle name", "中间名"},
	"field.gender":            {"Gender", "性别"},
	"field.birthdate":         {"Date of birth", "出生日期"},
	"field.company":           {"Company", "公司"},
	"field.country":           {"Country", "国家"},
	"field.province":          {"Province", "省份"},
	"field.city":              {"City", "城市"},
	"field.address":           {"Address", "地址"},
	"field.formatted":         {"Full address", "完整地址"},
	"field.postalCode":        {"Postal code", "邮政编码"},
	"field.streetAddress":     {"Street", "街道地址"},
	"field.website":           {"Website", "网站"},
	"field.profile":           {"Profile page", "个人主页"},
	"field.locale":            {"Language", "语言"},
	"field.zoneinfo":          {"Time zone", "时区"},
	"field.region":            {"Region", "地区"},
	"field.locality":          {"Locality", "城镇"},
	"field.preferredUsername": {"Preferred username", "首选用户名"},
	"gender.M":                {"Male", "男"},
	"gender.F":                {"Female", "女"},
	"gender.U":                {"Not said", "保密"},
	"bool.true":               {"Yes", "是"},
	"bool.false":              {"No", "否"},

	// Accounts.
	"accounts.heading":   {"Choose an account", "选择账号"},
	"accounts.lead":      {"to continue to %s", "继续使用 %s"},
	"accounts.other":     {"Use another account", "使用其他账号"},
	"signed_in.heading":  {"You are signed in", "您已登录"},
	"signed_in.lead":     {"You may close this page.", "您可以关闭此页面。"},
	"signed_in.open":     {"Open %s", "打开 %s"},
	"signed_in.out":      {"Sign out", "退出登录"},
	"sign_out.heading":   {"Sign out?", "退出登录？"},
	"sign_out.lead":      {"You will be signed out of all applications that you opened with this sign-in.", "您将从通过此次登录打开的所有应用中退出。"},
	"sign_out.stay":      {"Stay signed in", "保持登录"},
	"signed_out.heading": {"You are signed out", "您已退出登录"},
	"signed_out.lead":    {"It is safe to close this page.", "您可以安全地关闭此页面。"},
	"signed_out.again":   {"Sign in again", "重新登录"},

	// Consent.
	"consent.heading":           {"Allow access?", "是否授权？"},
	"consent.lead":              {"%s would like to:", "%s 希望获得以下权限："},
	"consent.allow":             {"Allow", "允许"},
	"consent.deny":              {"Do not allow", "拒绝"},
	"consent.to":                {"You will be sent to %s.", "授权后将跳转至 %s。"},
	"scope.openid":              {"Know who you are", "识别您的身份"},
	"scope.openid.more":         {"An identifier of your account", "您的账号标识"},
	"scope.profile":             {"See your profile", "查看您的个人资料"},
	"scope.profile.more":        {"Name, picture, gender, birthday, language", "姓名、头像、性别、生日、语言"},
	"scope.email":               {"See your e-mail address", "查看您的邮箱"},
	"scope.phone":               {"See your phone number", "查看您的手机号"},
	"scope.address":             {"See your address", "查看您的地址"},
	"scope.username":            {"See your username", "查看您的用户名"},
	"scope.roles":               {"See your roles", "查看您的角色"},
	"scope.external_id":         {"See your identifier in other systems", "查看您在其他系统中的标识"},
	"scope.unionid":             {"See your identifier across applications", "查看您的跨应用标识"},
	"scope.extended_fields":     {"See further fields of your profile", "查看您的扩展字段"},
	"scope.tenant_id":           {"See your tenant", "查看您所属的租户"},
	"scope.offline_access":      {"Keep access while you are away", "在您离开时保持访问"},
	"scope.offline_access.more": {"Until you or your administrator withdraw it", "直到您或管理员撤销"},
	"scope.user":                {"See your account", "查看您的账号"},
	"scope.other":               {"Use %s", "使用 %s"},

	// Devices.
	"device.heading":   {"Connect a device", "连接设备"},
	"device.lead":      {"Enter the code that your device shows.", "请输入设备上显示的代码。"},
	"device.code":      {"Code on the device", "设备代码"},
	"device.confirm":   {"Connect this device?", "连接此设备？"},
	"device.ask":       {"%s on a device would like to use your account. Go on only if the device is in front of you and shows this code:", "设备上的 %s 请求使用您的账号。仅当设备在您面前并显示以下代码时才继续："},
	"device.from":      {"The device asks from the address %s.", "请求来自地址 %s。"},
	"device.allow":     {"Connect", "连接"},
	"device.deny":      {"Refuse", "拒绝"},
	"device.done":      {"The device is connected", "设备已连接"},
	"device.done.lead": {"You may go on there and close this page.", "请在设备上继续，您可以关闭此页面。"},
	"device.no":        {"The device was not connected", "设备未连接"},
	"device.no.lead":   {"Nothing has been shared. You may close this page.", "未共享任何信息，您可以关闭此页面。"},

	// Locked accounts.
	"unlock.heading": {"Unlock your account", "解锁账号"},
	"unlock.lead":    {"Your account was locked after too many wrong passwords. We send a code to its e-mail address or phone number.", "由于密码错误次数过多，账号已被锁定。我们将向账号的邮箱或手机号发送验证码。"},
	"unlock.submit":  {"Unlock", "解锁"},
	"unlock.done":    {"If the code was right, your account is open again. Sign in now.", "账号已解锁，请登录。"},

	"login.left": {"The account or the password is wrong. %s more tries before the account is locked.", "账号或密码错误，再错误 %s 次账号将被锁定。"},

	// Verifying an address by a link.
	"verify.heading": {"Verify your e‑mail address", "验证邮箱"},
	"verify.lead":    {"Confirm that the mail reached you.", "请确认您已收到邮件。"},
	"verify.submit":  {"Verify", "验证"},
	"verify.done":    {"Your e-mail address is verified", "邮箱已验证"},

	// Pages that say that something is wrong.
	"error.heading":   {"Something went wrong", "出错了"},
	"provider.error":  {"The application sent a request that cannot be answered. Please tell its administrator.", "应用发送的请求无法处理，请联系应用管理员。"},
	"gone.heading":    {"Please begin again", "请重新开始"},
	"gone.lead":       {"This sign-in is over or has taken too long. Go back to the application and sign in from there.", "此次登录已结束或已超时，请返回应用重新登录。"},
	"busy.heading":    {"One moment, please", "请稍候"},
	"stale.heading":   {"Please try again", "请重试"},
	"stale.lead":      {"The page was too old, or your browser keeps no cookies. Nothing has been done.", "页面已过期，或浏览器未启用 Cookie。未执行任何操作。"},
	"stale.again":     {"Load the page anew", "重新加载页面"},
	"missing.heading": {"There is no such page", "页面不存在"},
	"missing.lead":    {"Check the address, or go back to the application.", "请检查地址，或返回应用。"},
}
