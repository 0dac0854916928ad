package v2

import (
	"errors"
	"strings"

	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// What this facade refuses by itself, because only its wire has the notion.
var (
	errNotLoggedIn      = fault.New(fault.Unauthenticated, "not_logged_in")
	errDeleteUnknown    = fault.New(fault.NotFound, "user_to_delete_not_found")
	errEmailNotWritable = fault.New(fault.Forbidden, "email_not_writable")
	errPhoneNotWritable = fault.New(fault.Forbidden, "phone_not_writable")
	errBatchTooLong     = fault.New(fault.Invalid, "batch_too_long")
	errTokenUnreadable  = fault.New(fault.Invalid, "token_unreadable")
	errRouteNotFound    = fault.New(fault.NotFound, "route_not_found")
	errMethodNotAllowed = fault.New(fault.Invalid, "method_not_allowed")
	errFieldNotFound    = fault.New(fault.NotFound, "field_not_found")
	errTargetNotFound   = fault.New(fault.NotFound, "target_not_found")

	errUpdateNoNamespace = fault.New(fault.NotFound, "namespace_to_update_not_found")
	errDeleteNoNamespace = fault.New(fault.NotFound, "namespace_to_delete_not_found")
)

func errNotWritable(field string) error {
	return fault.New(fault.Forbidden, "field_not_writable", field)
}

// message is how the wire words a refusal. Each %s stands for the next of the fault's arguments.
type message struct {
	code   int // 0 = that of the fault's kind
	zh, en string
}

// messages has every code of the domain. The numbers are those of v2-notes 3 and contract/error-codes.json.
var messages = map[string]message{
	// Arguments.
	"field_format":    {0, "参数 %s 格式错误", "Parameter %s is malformed"},
	"field_min":       {0, "参数 %s 不能小于 %s", "Parameter %s must not be less than %s"},
	"field_max":       {0, "参数 %s 不能大于 %s", "Parameter %s must not be greater than %s"},
	"list_min":        {0, "参数 %s 至少需要 %s 项", "Parameter %s must have at least %s elements"},
	"list_max":        {0, "参数 %s 最多允许 %s 项", "Parameter %s must have no more than %s elements"},
	"batch_too_long":  {2030, "单次最多操作 80 个用户", "At most 80 users in one call"},
	"body_malformed":  {0, "请求体不是合法的 JSON 对象", "The request body is not a valid JSON object"},
	"body_too_large":  {0, "请求体过大", "The request body is too large"},
	"query_malformed": {0, "查询参数编码错误", "The query string is malformed"},
	"document":        {0, "GraphQL 请求错误：%s", "GraphQL: %s"},

	// The server.
	"deadline":              {1000, "请求超时，请稍后重试", "The request took too long, try again later"},
	"search_not_ready":      {1000, "搜索索引正在建立，请稍后重试", "The search index is being built, try again in a moment"},
	"database_busy":         {1000, "服务繁忙，请稍后重试", "The service is busy, try again later"},
	"server_busy":           {1000, "服务繁忙，请稍后重试", "The service is busy, try again later"},
	"operation_unsupported": {0, "暂不支持操作 %s", "Operation %s is not supported"},
	"route_not_found":       {0, "接口不存在", "There is no such route"},
	"method_not_allowed":    {0, "请使用 POST 方法", "Use the method POST"},

	// Callers.
	"unauthenticated":    {2020, "尚未登录", "Not logged in"},
	"not_logged_in":      {2020, "尚未登录", "Not logged in"},
	"forbidden":          {1001, "无权限执行此操作", "Not permitted"},
	"token_invalid":      {2207, "登录信息无效或已过期", "The login has expired or is invalid"},
	"token_unreadable":   {400, "token 无效或已过期", "The token is invalid or has expired"},
	"signature_replayed": {1306, "请求签名已被使用", "The request signature has been used already"},
	"access_key_wrong":   {401, "用户池 ID 或密钥错误", "The user pool's id or its secret is wrong"},
	"pool_not_found":     {2224, "用户池不存在", "User pool not found"},

	// Users.
	"user_not_found":           {2004, "用户不存在", "User not found"},
	"user_to_delete_not_found": {2210, "要删除的用户不存在", "The user to delete does not exist"},
	"user_shut":                {2005, "用户已停用", "The user may not sign in"},
	"user_identifier_missing":  {0, "请提供用户名、邮箱、手机号等至少一种标识", "A user needs a username, an email, a phone number or the like"},
	"phone_missing":            {0, "手机号不能为空", "The phone number is missing"},
	"username_taken":           {2026, "用户名已存在", "The username is taken"},
	"email_taken":              {2026, "邮箱已存在", "The email is taken"},
	"phone_taken":              {2026, "手机号已存在", "The phone number is taken"},
	"external_id_taken":        {2026, "externalId 已存在", "The externalId is taken"},
	"identity_taken":           {2026, "身份源账号已被绑定", "The identity is linked to another user"},
	"identity_not_found":       {0, "身份不存在", "Identity not found"},
	"user_resigned":            {0, "用户已离职", "The user has resigned"},
	"email_not_writable":       {2225, "不能通过此接口修改邮箱", "The email cannot be changed by this call"},
	"phone_not_writable":       {2226, "不能通过此接口修改手机号", "The phone number cannot be changed by this call"},
	"field_not_writable":       {2018, "没有权限修改字段 %s", "The field %s may not be written"},
	"password_undecryptable":   {2016, "密码解密失败", "The password cannot be decrypted"},
	"password_hash_unknown":    {0, "不支持的密码哈希格式", "The format of the password hash is not supported"},
	"password_busy":            {1000, "服务繁忙，请稍后重试", "The service is busy, try again later"},
	"totp_not_found":           {0, "未绑定 OTP", "No OTP is bound"},

	// Second factors and passkeys.
	"otp_wrong":                   {6001, "动态验证码错误", "The one-time password is wrong"},
	"otp_missing":                 {6003, "请输入验证码", "The code is missing"},
	"recovery_code_wrong":         {6002, "恢复代码错误", "The recovery code is wrong"},
	"recovery_code_missing":       {6004, "请输入恢复代码", "The recovery code is missing"},
	"otp_not_pending":             {0, "请先请求绑定 OTP", "Ask for a one-time password first"},
	"enrollment_token_invalid":    {0, "绑定请求无效或已过期，请重新发起", "The enrolment is over or took too long, begin again"},
	"factor_not_found":            {0, "MFA 认证因素不存在", "There is no such factor"},
	"factor_enrolled":             {0, "已绑定该类型的 MFA 认证因素", "A factor of this type is enrolled already"},
	"factor_refused":              {0, "当前登录不能使用该认证因素", "This sign-in does not take that factor"},
	"remembered_device_not_found": {0, "受信任的设备不存在", "There is no such remembered device"},
	"passkey_not_found":           {0, "Passkey 不存在", "Passkey not found"},
	"passkey_ticket_invalid":      {0, "Passkey 请求无效或已过期，请重试", "The passkey request is over or took too long, try again"},
	"passkey_wrong":               {0, "Passkey 验证失败", "The passkey could not be verified"},
	"passkey_cloned":              {0, "Passkey 计数异常，可能已被复制", "The passkey seems to have been copied"},
	"passkey_taken":               {0, "Passkey 已被注册", "The passkey is registered already"},
	"passkey_limit":               {0, "Passkey 数量超过上限 %s", "A user has at most %s passkeys"},
	"passkey_no_host":             {0, "服务未配置域名，不能使用 Passkey", "Passkeys need a server with a host name"},
	"mfa_token_invalid":           {2021, "登录流程已失效，请重新登录", "The sign-in is over or took too long, begin again"},

	// Signing in.
	"login_password_wrong":   {2333, "账号或密码错误", "The account or the password is wrong"},
	"login_user_blocked":     {2005, "账号已被禁用", "The account is blocked"},
	"login_email_unverified": {2042, "邮箱尚未验证", "The email has not been verified"},
	"login_app_forbidden":    {1577, "没有权限登录此应用", "You may not sign in to this application"},
	"login_app_disabled":     {2059, "应用已停用", "The application is switched off"},
	"login_method_off":       {2037, "应用未开启此登录方式", "The application does not offer this way of signing in"},
	"login_flow_gone":        {2021, "登录流程已失效，请重新登录", "The sign-in is over or took too long, begin again"},
	// The OpenID provider's own: it answers them in the protocol's words.
	"interaction_gone":    {0, "登录已结束或已过期，请从应用重新开始", "This sign-in is over or took too long, begin again at the application"},
	"device_gone":         {0, "设备代码无效、已使用或已过期", "The device code is unknown, used or too old"},
	"device_pending":      {0, "等待用户确认", "Nobody has answered yet"},
	"device_too_fast":     {0, "请求过于频繁", "Too many requests"},
	"device_refused":      {0, "用户已拒绝", "The user has refused"},
	"grant_refused":       {0, "授权无效：%s", "The grant is refused: %s"},
	"session_none":        {2020, "尚未登录", "Not logged in"},
	"step_mfa":            {1635, "请完成多因素认证", "A second factor is needed"},
	"step_mfa_by_app":     {1636, "请完成多因素认证", "A second factor is needed"},
	"step_first_reset":    {1639, "首次登录，请重置密码", "Choose a new password for your first sign-in"},
	"step_forced_reset":   {2058, "密码已过期，请重置密码", "Your password is too old, choose a new one"},
	"step_complete":       {1642, "请补全信息", "Some information about you is missing"},
	"passwords_differ":    {0, "两次输入的密码不一致", "The two passwords differ"},
	"scan_gone":           {2108, "二维码已过期", "The QR code has expired"},
	"scan_state":          {0, "二维码状态已改变", "The QR code has been answered, or was not scanned by you"},
	"scan_ticket_invalid": {2109, "ticket 无效或已过期", "The ticket is invalid or has expired"},
	"scope_wider":         {0, "请求的 scope 超出已授权的范围", "More is asked for than was granted"},
	"scan_in_browser":     {0, "此用户池不允许在浏览器中换取用户信息", "This pool has tickets exchanged by servers only"},

	// Registration and one's own account.
	"ticket_invalid":           {0, "token 无效或已过期", "The token is invalid or has expired"},
	"ticket_used":              {0, "token 已被使用", "The token has been used already"},
	"ticket_changed":           {0, "操作冲突，请重试", "Somebody else was faster, try again"},
	"register_method_off":      {2031, "应用未开启此注册方式", "The application does not offer this way of registering"},
	"register_disabled":        {2031, "已关闭注册", "Registration is closed"},
	"register_too_often":       {2100, "注册过于频繁，请稍后重试", "Too many accounts were registered from here, try again later"},
	"register_not_whitelisted": {0, "不在注册白名单中", "Only those on the whitelist may register"},
	"register_account_missing": {0, "请提供用户名、邮箱或手机号", "Give a username, an email or a phone number"},
	"user_exists":              {2026, "用户已存在", "The user exists already"},
	"agreement_missing":        {0, "请先同意协议", "The agreements must be accepted"},
	"password_missing":         {2032, "请输入密码", "A password is needed"},
	"password_unchanged":       {0, "新密码不能与旧密码相同", "The new password must differ from the old one"},
	"old_password_missing":     {2201, "请输入旧密码", "The old password is needed"},
	"old_password_wrong":       {2203, "旧密码错误", "The old password is wrong"},
	"completion_missing":       {0, "请补全字段 %s", "The field %s is missing"},
	"address_missing":          {0, "请提供邮箱或手机号", "Give an email or a phone number"},
	"email_bound":              {2200, "已绑定邮箱", "An email is bound already"},
	"phone_bound":              {2035, "已绑定手机号", "A phone number is bound already"},
	"email_not_bound":          {0, "未绑定邮箱", "No email is bound"},
	"phone_not_bound":          {0, "未绑定手机号", "No phone number is bound"},
	"email_unchanged":          {2230, "新邮箱与旧邮箱相同", "The email is the old one"},
	"phone_unchanged":          {2229, "新手机号与旧手机号相同", "The phone number is the old one"},
	"old_email_needed":         {2227, "需要验证旧邮箱", "The old email must be proven"},
	"old_phone_needed":         {0, "需要验证旧手机号", "The old phone number must be proven"},
	"old_email_mismatch":       {2037, "旧邮箱不匹配", "The old email is another"},
	"old_phone_mismatch":       {2038, "旧手机号不匹配", "The old phone number is another"},
	"last_way_in":              {2217, "至少保留一种登录方式", "Nothing would be left to sign in by"},
	"proof_missing":            {0, "请提供验证码或密码", "A code or the password is needed"},

	// Codes, captchas, locks.
	"passcode_wrong":           {2001, "验证码错误", "The code is wrong"},
	"passcode_expired":         {2300, "验证码已失效，请重新获取", "The code is no longer valid, ask for another"},
	"passcode_too_often":       {2080, "发送过于频繁，请稍后重试", "A code was sent a moment ago, wait a minute"},
	"captcha_needed":           {2000, "请输入图形验证码", "Enter the text of the picture"},
	"captcha_wrong":            {2000, "图形验证码错误", "The text of the picture is wrong"},
	"login_locked":             {2005, "账号已被锁定", "The account is locked"},
	"login_flood":              {1000, "失败次数过多，请稍后重试", "Too many tries have failed, try again later"},
	"unlock_off":               {0, "未开启自助解锁", "Accounts are unlocked by administrators"},
	"unlock_password_needed":   {0, "解锁需要输入密码", "Unlocking asks for the password too"},
	"mail_not_configured":      {0, "未配置邮件服务", "No mail service is configured"},
	"sms_not_configured":       {0, "未配置短信服务", "No SMS service is configured"},
	"mail_provider_incomplete": {0, "邮件服务商配置不完整", "The settings of the mail provider are incomplete"},
	"mail_template_invalid":    {0, "邮件模版有误：%s", "The mail template cannot be used: %s"},

	// Custom fields.
	"field_not_found":       {0, "自定义字段不存在", "Custom field not found"},
	"field_undefined":       {0, "自定义字段 %s 未定义", "The custom field %s is not defined"},
	"field_type":            {0, "自定义字段 %s 的值与其类型不符", "The value of the custom field %s is of a wrong type"},
	"field_taken":           {0, "自定义字段 %s 的值已被占用", "The value of the custom field %s is taken"},
	"field_type_fixed":      {0, "自定义字段 %s 已有数据，不能修改类型", "The custom field %s has values: its type cannot change"},
	"field_unique_limit":    {0, "自定义字段 %s 的数据过多，不能设为唯一", "The custom field %s has too many values to become unique"},
	"field_limit":           {0, "自定义字段数量已达上限", "There are too many custom fields"},
	"custom_value_too_long": {0, "自定义字段的值过长", "The value of the custom field is too long"},
	"target_not_found":      {0, "目标不存在", "Target not found"},

	// Organisations, departments, posts.
	"organization_not_found":    {0, "组织机构 %s 不存在", "Organization %s not found"},
	"organization_code_invalid": {0, "组织机构标识符 %s 不合法", "The organization's code %s is malformed"},
	"organization_code_blank":   {0, "组织机构标识符 %s 不合法", "The organization's code %s is malformed"},
	"organization_code_taken":   {0, "组织机构标识符已存在", "The organization's code is taken"},
	"organization_full":         {0, "组织机构的部门数量已达上限", "The organization has too many departments"},
	"department_not_found":      {0, "组织机构节点不存在", "Node not found"},
	"department_invalid":        {0, "部门 %s 不存在", "Department %s not found"},
	"department_code_taken":     {0, "部门标识符已存在", "The department's code is taken"},
	"open_department_taken":     {0, "openDepartmentId 已存在", "The openDepartmentId is taken"},
	"department_cycle":          {0, "不能将部门移动到自身或其子部门下", "A department cannot be moved below itself"},
	"department_too_deep":       {0, "部门层级过深", "The departments would be nested too deeply"},
	"department_is_root":        {0, "不能移动或删除根部门", "The root department cannot be moved or deleted"},
	"departments_too_many":      {0, "组织机构的部门过多，请分别获取", "There are too many departments for one answer, ask for fewer organizations"},
	"user_not_in_department":    {0, "用户不在该部门中", "The user is not in the department"},
	"node_code_ambiguous":       {0, "有多个组织机构的节点使用标识符 %s", "Nodes of several organizations have the code %s"},
	"tenant_not_found":          {0, "租户不存在", "Tenant not found"},
	"post_not_found":            {0, "岗位不存在", "Post not found"},
	"post_code_taken":           {0, "岗位标识符已存在", "The post's code is taken"},

	// Groups, roles, grants.
	"group_not_found":      {0, "分组不存在", "Group not found"},
	"group_rule_not_found": {0, "分组没有规则", "The group has no rule"},
	"group_rule_limit":     {0, "动态分组数量超过上限 %s", "A pool takes at most %s dynamic groups"},
	"group_is_dynamic":     {0, "动态分组的成员由规则决定，不能手动增减", "The members of a dynamic group follow its rule alone"},
	"field_in_rule":        {0, "字段 %s 正被动态分组使用：%s", "Field %s is read by the rules of groups: %s"},
	"group_code_taken":     {0, "分组标识符已存在", "The group's code is taken"},
	"namespace_not_found":  {0, "权限分组不存在", "Permission namespace not found"},
	"role_not_found":       {0, "角色不存在", "Role not found"},
	"role_code_taken":      {0, "角色标识符已存在", "The role's code is taken"},
	"role_name_taken":      {0, "角色名称已存在", "The role's name is taken"},
	"role_code_missing":    {0, "参数 code 格式错误", "Parameter code is malformed"},
	"role_code_invalid":    {0, "角色标识符 %s 格式错误", "The role code %s is malformed"},
	"grant_limit":          {0, "授权数量超过上限 %s", "There are more grants than %s"},

	// Namespaces, resources, and who may enter applications.
	"namespace_to_update_not_found": {3005, "要修改的权限分组不存在", "The permission namespace to update does not exist"},
	"namespace_to_delete_not_found": {3003, "要删除的权限分组不存在", "The permission namespace to delete does not exist"},
	"namespace_code_taken":          {0, "权限分组标识符已存在", "The namespace's code is taken"},
	"namespace_code_missing":        {0, "参数 code 格式错误", "Parameter code is malformed"},
	"namespace_code_invalid":        {0, "权限分组标识符 %s 格式错误", "The namespace code %s is malformed"},
	"namespace_reserved":            {0, "系统内置权限分组不可创建、修改或删除", "A built-in namespace cannot be made, renamed or deleted"},
	"namespace_of_application":      {0, "应用的权限分组不可修改或删除", "The namespace of an application cannot be renamed or deleted"},
	"namespace_too_large":           {0, "权限分组内的数据超过上限 %s", "The namespace holds more than %s things"},
	"resource_not_found":            {0, "资源不存在", "Resource not found"},
	"resource_code_taken":           {0, "资源标识符已存在", "The resource's code is taken"},
	"resource_code_invalid":         {0, "资源标识符 %s 格式错误", "The resource code %s is malformed"},
	"application_access_not_found":  {0, "应用访问控制策略不存在", "Nothing is said of the target's access to the application"},
	"subjects_too_many":             {0, "用户所属的主体过多", "The user belongs to too many groups, departments and roles"},
	"holders_too_many":              {0, "被授权的主体过多", "Too many targets have what is asked for"},
	"rules_too_many":                {0, "授权规则过多", "There are too many rules"},

	// Data permissions.
	"data_resource_not_found":  {0, "数据资源不存在", "Data resource not found"},
	"data_resource_code_taken": {0, "数据资源标识符已存在", "The data resource's code is taken"},
	"data_resource_name_taken": {0, "数据资源名称已存在", "The data resource's name is taken"},
	"data_resource_no_tree":    {0, "数据资源不是树结构", "The data resource is no tree"},
	"data_field_not_found":     {0, "数据资源节点不存在", "The node of the data resource does not exist"},
	"data_field_taken":         {0, "数据资源节点已存在", "The node of the data resource exists already"},
	"data_tree_too_deep":       {0, "数据资源层级过深", "The nodes of the data resource are nested too deeply"},
	"data_node_twice":          {0, "数据资源节点 %s 重复", "The node %s is there twice"},
	"data_policy_not_found":    {0, "数据策略不存在", "Data policy not found"},
	"data_policy_name_taken":   {0, "数据策略名称已存在", "The data policy's name is taken"},
	"data_policy_limit":        {0, "数据策略数量超过上限 %s", "There are more data policies than %s"},
	"data_list_limit":          {0, "数据过多，请缩小查询范围", "There is too much for one answer, ask for less"},

	// Policies.
	"policy_not_found":    {0, "策略不存在", "Policy not found"},
	"policy_code_taken":   {0, "策略标识符已存在", "The policy's code is taken"},
	"policy_builtin":      {0, "系统内置策略不可修改", "A built-in policy cannot be changed"},
	"policy_not_assigned": {0, "策略未授权给该目标", "The policy is not assigned to the target"},

	// Pools and whitelists.
	"whitelist_limit": {0, "白名单数量超过上限 %s", "A whitelist takes at most %s entries"},
	"env_not_found":   {0, "环境变量不存在", "There is no such variable"},
	"env_limit":       {0, "环境变量数量超过上限 %s", "A pool takes at most %s variables"},

	// Applications and access keys.
	"application_not_found": {2011, "应用不存在", "Application not found"},

	// Settings of applications.
	"password_unsafe":                {2061, "密码强度不足", "The password is not strong enough"},
	"application_identifier_taken":   {2039, "应用认证地址已被占用", "The application's identifier is taken"},
	"application_limit":              {0, "应用数量超过上限 %s", "A pool takes at most %s applications"},
	"redirect_uri_invalid":           {0, "回调地址 %s 不合法", "%s cannot be a redirect URI"},
	"protocol_unsupported":           {0, "暂不支持协议 %s", "The protocol %s is not supported"},
	"application_needs_secret":       {0, "授权方式 %s 需要应用密钥", "The grant %s needs an application that keeps a secret"},
	"application_needs_grant":        {0, "返回类型 %s 需要授权方式 %s", "The response type %s needs the grant %s"},
	"application_needs_legacy":       {0, "%s 仅在兼容模式下可用", "%s is only for legacy applications"},
	"factor_unsupported":             {0, "暂不支持 MFA 方式 %s", "The factor %s is not supported"},
	"client_wrong":                   {2011, "应用 ID 或密钥错误", "The application's id or its secret is wrong"},
	"agreement_not_found":            {0, "协议不存在", "Agreement not found"},
	"agreement_limit":                {0, "协议数量超过上限 %s", "An application takes at most %s agreements"},
	"lookups_too_many":               {1000, "请求过于频繁，请稍后重试", "Too many requests, try again later"},
	"programmatic_account_not_found": {0, "编程访问账号不存在", "Programmatic access account not found"},
	"programmatic_account_limit":     {0, "编程访问账号数量超过上限 %s", "An application takes at most %s programmatic access accounts"},
	"access_key_not_found":           {0, "密钥不存在", "Access key not found"},
	"access_keys_full":               {0, "密钥数量已达上限", "There are too many access keys"},
}

// kinds has the number and the plain text of each kind, for refusals whose code has none.
var kinds = map[fault.Kind]message{
	fault.Internal:        {500, "服务器内部错误", "Internal server error"},
	fault.Invalid:         {400, "请求参数错误", "Invalid argument"},
	fault.Unauthenticated: {2020, "尚未登录", "Not logged in"},
	fault.Forbidden:       {1001, "无权限执行此操作", "Not permitted"},
	fault.NotFound:        {404, "资源不存在", "Not found"},
	fault.Conflict:        {409, "资源已存在", "Already exists"},
	fault.Unprocessable:   {422, "不允许的操作", "Operation not allowed"},
	fault.TooLarge:        {413, "请求体过大", "The request is too large"},
	fault.Throttled:       {1000, "请求过于频繁，请稍后重试", "Too many requests, try again later"},
	fault.Unsupported:     {501, "暂不支持此操作", "Operation not supported"},
	fault.Unavailable:     {1000, "服务暂不可用，请稍后重试", "Service unavailable, try again later"},
	fault.Refused:         {400, "请求被拒绝", "Request refused"},
}

// arguments gives the wire's names to arguments that the domain calls otherwise.
var arguments = map[string]string{
	"keywords":       "query",
	"fuzzySearchOn":  "fields",
	"advancedFilter": "filter",
	"userIdType":     "type",
	"lastIp":         "lastIP",
	"appName":        "name",
	"appIdentifier":  "identifier",
	"appDescription": "description",
	"appLogo":        "logo",
}

// refusal is a failure in the words of the wire.
type refusal struct {
	code   int
	status int    // of the kind of failure, in HTTP's numbers: browser clients decide by it what they do
	name   string // the domain's code, for programs: "user_not_found"
	text   string
	data   any    // for programs, nil for most
	flow   string // names the sign-in that waits for its next step
}

// detailed is a refusal that says more than its words: how many tries are left, or what the next step of a sign-in needs.
type detailed struct {
	error      // with a *fault.Error in its chain
	status int // 0 = that of the fault's kind
	data   any
	flow   string
}

func (d *detailed) Unwrap() error { return d.error }

// statuses are the numbers of error-codes.json, by kind.
var statuses = map[fault.Kind]int{
	fault.Internal: 500, fault.Invalid: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404, fault.Conflict: 409,
	fault.Unprocessable: 422, fault.TooLarge: 413, fault.Throttled: 429, fault.Unsupported: 501, fault.Unavailable: 503, fault.Refused: 499,
}

// refusalOf words an error for the caller. Anything but a *fault.Error is internal, and its text withheld.
func refusalOf(err error, c *caller.Caller) refusal {
	e := fault.As(err)
	if e == nil || e.Kind == fault.Internal {
		e = &fault.Error{Kind: fault.Internal, Code: "internal"}
	}
	kind, ok := kinds[e.Kind]
	if !ok {
		kind = kinds[fault.Internal]
	}
	m, ok := messages[e.Code]
	if !ok || e.Kind == fault.Internal {
		m = kind
	}
	if m.code == 0 {
		m.code = kind.code
	}
	text := m.zh
	if english(c) {
		text = m.en
	}
	told := refusal{code: m.code, status: statuses[e.Kind], name: e.Code, text: fillIn(text, e.Args)}
	var more *detailed
	if e.Kind != fault.Internal && errors.As(err, &more) {
		told.data, told.flow = more.data, more.flow
		if more.status != 0 {
			told.status = more.status
		}
	}
	return told
}

// english reports the caller's choice between the wire's two languages; without one it is Chinese, as its clients have it.
func english(c *caller.Caller) bool { return strings.HasPrefix(strings.ToLower(c.Language), "en") }

// fillIn puts args, in order, in the place of each %s; a %s without argument becomes nothing.
func fillIn(text string, args []string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "%s")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if len(args) > 0 {
			arg := args[0]
			if name, ok := arguments[arg]; ok {
				arg = name
			}
			b.WriteString(arg)
			args = args[1:]
		}
		text = after
	}
}
