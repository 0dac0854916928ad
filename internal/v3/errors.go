package v3

import (
	"strings"

	"github.com/guildhall-id/guildhall/internal/fault"
)

// message is how the wire words a refusal. Each %s stands for the next of the fault's arguments.
type message struct {
	apiCode int // 0 = none; else one of contract/error-codes.json
	zh, en  string
}

// messages has every code of the domain. Texts that clients' tests compare stand here word for word, even those that are
// English in both languages. A key of the form "code name" words the code for one field, "code name operation" for one
// field of one operation.
var messages = map[string]message{
	// Arguments.
	"field_format":                   {0, "参数 %s 格式错误", "Parameter %s is malformed"},
	"field_min":                      {0, "参数 %s 格式错误", "Parameter %s must not be less than %s"},
	"field_max":                      {0, "参数 %s 格式错误", "Parameter %s must not be greater than %s"},
	"list_min":                       {0, "参数 %s 格式错误", "%s must contain at least %s elements"},
	"list_max":                       {0, "参数 %s 最多允许 %s 项", "%s must contain no more than %s elements"},
	"body_malformed":                 {0, "请求体不是合法的 JSON 对象", "The request body is not a valid JSON object"},
	"body_too_large":                 {0, "请求体过大", "The request body is too large"},
	"query_malformed":                {0, "查询参数编码错误", "The query string is malformed"},
	"deadline":                       {0, "请求超时，请稍后重试", "The request took too long, try again later"},
	"search_not_ready":               {0, "搜索索引正在建立，请稍后重试", "The search index is being built, try again in a moment"},
	"programmatic_account_not_found": {0, "编程访问账号不存在", "Programmatic access account not found"},
	"programmatic_account_limit":     {0, "编程访问账号数量超过上限 %s", "An application takes at most %s programmatic access accounts"},
	"database_busy":                  {0, "服务繁忙，请稍后重试", "The service is busy, try again later"},
	"server_busy":                    {0, "服务繁忙，请稍后重试", "The service is busy, try again later"},
	"unauthenticated":                {0, "未认证", "Not authenticated"},
	"forbidden":                      {0, "无权限执行此操作", "Not permitted"},
	"token_invalid":                  {0, "令牌无效或已过期", "The token is invalid or has expired"},
	"access_key_wrong":               {0, "密钥错误", "The access key or its secret is wrong"},
	"pool_not_found":                 {2224, "用户池不存在", "User pool not found"},

	"field_max limit listUsers":           {0, "%s must less than %s", "%s must less than %s"},
	"field_max limit listUsersLegacy":     {0, "%s must less than %s", "%s must less than %s"},
	"field_max limit listArchivedUsers":   {0, "%s must less than %s", "%s must less than %s"},
	"field_format gender updateUser":      {0, "参数 gender 格 格式错误", "Parameter gender is malformed"}, // sic
	"field_format code createGroupsBatch": {0, "参数 list 格式错误", "Parameter list is malformed"},

	"operation_unknown":     {0, "接口不存在", "No such operation"},
	"operation_unsupported": {0, "暂不支持操作 %s", "Operation %s is not supported"},

	// Signatures of requests.
	"signature_wrong":        {1300, "请求签名错误", "The request signature is wrong"},
	"signature_method":       {1301, "不支持的签名方法", "The signature method is not supported"},
	"signature_version":      {1302, "不支持的签名版本", "The signature version is not supported"},
	"signature_date_format":  {1303, "请求时间戳格式错误", "The request's date cannot be read"},
	"signature_date_missing": {1304, "缺少请求时间戳", "The request has no date"},
	"signature_date_skew":    {1305, "请求时间戳与服务器时间相差过大", "The request's date is too far from the server's clock"},
	"signature_replayed":     {1306, "请求签名已被使用", "The request signature has been used already"},

	// Users.
	"user_not_found":          {2004, "用户不存在", "User not found"},
	"user_shut":               {0, "用户已停用", "The user may not sign in"},
	"user_locked":             {2005, "用户已被锁定", "The user is locked"},
	"user_identifier_missing": {0, "Must contain one of the following fields: username, phone, email", "Must contain one of the following fields: username, phone, email"},
	"phone_missing":           {0, "phone cannot be empty", "phone cannot be empty"},
	"username_taken":          {0, "用户名已存在", "The username is taken"},
	"email_taken":             {0, "邮箱已存在", "The email is taken"},
	"phone_taken":             {0, "手机号已存在", "The phone number is taken"},
	"external_id_taken":       {0, "externalId 已存在", "The externalId is taken"},
	"identity_taken":          {0, "身份源账号已被绑定", "The identity is linked to another user"},
	"identity_not_found":      {0, "身份不存在", "Identity not found"},
	"user_resigned":           {0, "用户已离职", "The user has resigned"},
	"principal_missing":       {0, "没有认证记录", "No authentication record"},
	"password_wrong":          {2006, "密码错误", "The password is wrong"},
	"credentials_wrong":       {2333, "账号或密码错误", "The account or the password is wrong"},
	"password_busy":           {0, "登录人数过多，请稍后重试", "Too many sign-ins at once, try again later"},
	"password_hash_unknown":   {0, "不支持的密码哈希格式", "The format of the password hash is not supported"},
	"totp_not_found":          {0, "未绑定 OTP", "No OTP is bound"},
	"password_undecryptable":  {0, "密码解密失败", "The password cannot be decrypted"},

	// Custom fields.
	"custom_value_too_long": {0, "customData must be less than 1024 characters", "customData must be less than 1024 characters"},
	"field_undefined":       {0, "字段 %s 未定义", "Field %s is not defined"},
	"field_type":            {0, "字段 %s 的值与其类型不符", "The value of field %s is not of its type"},
	"field_taken":           {0, "字段 %s 的值已被占用", "The value of field %s is taken"},
	"field_type_fixed":      {0, "字段 %s 已有数据，不能更改类型", "Field %s has values, its type is fixed"},
	"field_limit":           {0, "自定义字段数量已达上限", "There are too many custom fields"},
	"field_unique_limit":    {0, "字段 %s 的数据过多，不能设为唯一", "Field %s has too many values to be made unique"},

	// Groups, roles, departments.
	"group_code_taken":     {0, "分组标识符已存在", "The group's code is taken"},
	"group_not_found":      {0, "分组不存在", "Group not found"},
	"group_is_dynamic":     {0, "动态分组的成员由规则决定，不能手动增减", "The members of a dynamic group follow its rule alone"},
	"group_rule_not_found": {0, "分组没有规则", "The group has no rule"},
	"group_rule_limit":     {0, "动态分组数量超过上限 %s", "A pool takes at most %s dynamic groups"},
	"field_in_rule":        {0, "字段 %s 正被动态分组使用：%s", "Field %s is read by the rules of groups: %s"},
	"namespace_not_found":  {0, "权限组不存在", "Permission namespace not found"},
	"role_not_found":       {0, "角色不存在", "Role not found"},
	"role_code_invalid":    {0, "invalid role code: %s", "invalid role code: %s"},
	"role_code_missing":    {0, "role code must not empty", "role code must not empty"},
	"role_name_taken":      {0, "角色名称已存在", "The role's name is taken"},
	"role_code_taken":      {0, "角色标识符已存在", "The role's code is taken"},
	"grant_limit":          {0, "授权数量超过上限", "There are too many grants"},
	"department_not_found": {0, "部门不存在", "Department not found"},
	"department_invalid":   {0, "存在不合法的 departmentId: %s", "Unknown departmentId: %s"},

	// Organisations, departments, posts.
	"organization_not_found":               {0, "organization not found for code: %s", "organization not found for code: %s"},
	"organization_code_invalid":            {0, "invalid organization code: %s", "invalid organization code: %s"},
	"organization_code_blank":              {0, "invalid organization code %s", "invalid organization code %s"},
	"organization_code_taken":              {0, "组织标识符已存在", "The organization's code is taken"},
	"organization_full":                    {0, "组织的部门数量已达上限", "The organization has too many departments"},
	"department_code_taken":                {0, "部门标识符已存在", "The department's code is taken"},
	"open_department_taken":                {0, "openDepartmentId 已存在", "The openDepartmentId is taken"},
	"departments_too_many":                 {0, "部门过多，请分别获取", "There are too many departments for one answer"},
	"user_not_in_department":               {0, "用户不在该部门中", "The user is not in the department"},
	"department_cycle":                     {0, "不能将部门移动到自身或其子部门下", "A department cannot be moved below itself"},
	"department_too_deep":                  {0, "部门层级过深", "The departments would be nested too deeply"},
	"department_is_root":                   {0, "不能移动或删除根部门", "The root department cannot be moved or deleted"},
	"post_not_found":                       {0, "岗位不存在", "Post not found"},
	"post_code_taken":                      {0, "岗位标识符已存在", "The post's code is taken"},
	"field_format name createOrganization": {0, "参数 organizationName 格式错误", "Parameter organizationName is malformed"},
	"field_format name updateOrganization": {0, "参数 organizationName 格式错误", "Parameter organizationName is malformed"},

	// Namespaces, resources, who may enter applications.
	"namespace_unknown":            {0, "namespace not exists", "namespace not exists"},
	"namespace_code_missing":       {0, "namespace name must not be empty", "namespace name must not be empty"},
	"namespace_code_invalid":       {0, "invalid namespace code: %s", "invalid namespace code: %s"},
	"namespace_code_taken":         {0, "权限组标识符已存在", "The namespace's code is taken"},
	"namespace_reserved":           {0, "系统权限组不可创建、改名或删除", "This namespace is the system's: it cannot be created, renamed or deleted"},
	"namespace_of_application":     {0, "应用自身的权限组不可改名或删除", "An application's own namespace cannot be renamed or deleted"},
	"namespace_too_large":          {0, "权限组内的数据超过 %s 条，请先清理", "The namespace has more than %s entries, remove some first"},
	"resource_not_found":           {0, "资源不存在", "Resource not found"},
	"resource_code_taken":          {0, "资源标识符已存在", "The resource's code is taken"},
	"resource_code_invalid":        {0, "invalid resource code: %s", "invalid resource code: %s"},
	"group_unknown":                {0, "group not exists with code: %s", "group not exists with code: %s"},
	"tenant_not_found":             {0, "租户不存在", "Tenant not found"},
	"application_access_not_found": {0, "应用授权不存在", "There is no such authorization of the application"},

	// Expressions.
	"expression_invalid":    {0, "表达式有误（位置 %s）：%s", "The expression is wrong at %s: %s"},
	"expression_too_costly": {0, "表达式过于复杂：%s", "The expression is too costly: %s"},
	"expression_failed":     {0, "表达式无法计算：%s", "The expression has no result: %s"},

	// Policies.
	"policy_not_found":    {0, "策略不存在", "Policy not found"},
	"policy_code_taken":   {0, "策略标识符已存在", "The policy's code is taken"},
	"policy_builtin":      {0, "系统内置策略不可修改", "A built-in policy cannot be changed"},
	"policy_not_assigned": {0, "策略未授权给该目标", "The policy is not assigned to the target"},

	// Data permission. data_format is field_format where that says that something is missing.
	"data_format":              {0, "参数 %s 格式错误", "Parameter %s is malformed"},
	"data_struct_missing":      {0, "struct should not be empty", "struct should not be empty"},
	"data_tree_too_deep":       {0, "树结构的层级过深", "The tree is too deep"},
	"data_node_twice":          {0, "同一层级的节点 code 或名称重复：%s", "Two nodes of one level have the code or the name of %s"},
	"data_namespace_not_found": {0, "namespace not found", "namespace not found"},
	"data_namespace_unknown":   {0, "权限空间不存在", "The permission namespace does not exist"},
	"data_namespaces_unknown":  {0, "有不存在的权限空间", "One of the permission namespaces does not exist"},
	"data_namespace_reserved":  {0, "can't use permission namespace code 'default' or 'system'", "can't use permission namespace code 'default' or 'system'"},
	"data_namespaces_reserved": {0, "can't use built-in namespace code 'default' and 'system'", "can't use built-in namespace code 'default' and 'system'"},
	"data_namespace_taken":     {0, "namespace with code %s already exists.", "namespace with code %s already exists."},
	"data_resource_not_found":  {0, "数据资源不存在", "Data resource not found"},
	"data_resource_code_taken": {0, "数据资源 code 已经存在", "The data resource's code is taken"},
	"data_resource_name_taken": {0, "数据资源名称已经存在", "The data resource's name is taken"},
	"data_resource_no_tree":    {0, "只有树类型的数据资源支持扩展字段", "Only trees have fields"},
	"data_field_not_found":     {0, "扩展字段不存在", "The field does not exist"},
	"data_field_taken":         {0, "扩展字段 key 已经存在", "The field's key is taken"},
	"data_policy_not_found":    {0, "数据策略不存在", "Data policy not found"},
	"data_policy_name_taken":   {0, "数据策略名称已经存在", "The data policy's name is taken"},
	"data_policy_limit":        {0, "涉及的数据策略超过上限 %s", "More than %s data policies are concerned"},
	"data_list_limit":          {0, "结果过多，请缩小查询范围", "There are too many results, ask for less"},

	// Decisions and their reasons.
	"subjects_too_many": {0, "用户所属的主体过多", "The user belongs to too many groups, departments and roles"},
	"holders_too_many":  {0, "被授权的主体过多", "Too many targets have what is asked for"},
	"rules_too_many":    {0, "授权规则过多", "There are too many rules"},

	// Pools and whitelists.
	"whitelist_limit": {0, "白名单数量超过上限 %s", "A whitelist takes at most %s entries"},
	"env_not_found":   {0, "环境变量不存在", "There is no such variable"},
	"env_limit":       {0, "环境变量数量超过上限 %s", "A pool takes at most %s variables"},

	// Access keys, applications.
	"access_keys_full":      {0, "密钥数量已达上限", "There are too many access keys"},
	"access_key_not_found":  {0, "密钥不存在", "Access key not found"},
	"application_not_found": {2011, "应用不存在", "Application not found"},

	// Settings of applications.
	"application_identifier_taken": {2039, "应用标识已被占用", "Another application has this identifier"},
	"application_limit":            {0, "应用数量超过上限 %s", "A user pool takes at most %s applications"},
	"client_wrong":                 {0, "应用 ID 或密钥错误", "The application or its secret is wrong"},
	"redirect_uri_invalid":         {0, "回调地址 %s 不合法", "%s can be no redirect URI: it must be absolute, without fragment and wildcards, and of a scheme that the kind of application may use"},
	"application_needs_grant":      {0, "返回类型 %s 需要授权模式 %s", "The response type %s needs the grant type %s"},
	"application_needs_legacy":     {0, "%s 不安全，仅在应用开启 legacy 后可用", "%s is insecure and only for applications with the member legacy set"},
	"application_needs_secret":     {0, "授权模式 %s 仅适用于使用密钥认证的应用", "The grant type %s is for applications that authenticate with their secret"},
	"protocol_unsupported":         {0, "暂不支持协议 %s", "The protocol %s is not supported"},
	"factor_unsupported":           {0, "暂不支持认证因素 %s", "The factor %s is not supported"},
	"template_unknown":             {0, "集成应用模版 %s 不存在", "There is no application template %s"},
	"connection_not_found":         {0, "身份源连接 %s 不存在", "There is no identity source connection %s"},
	"password_unsafe":              {2061, "密码强度不足", "The password is not strong enough"},

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
	"passkey_id_literal":          {0, "参数 credentialId 未替换为真实的 Passkey ID", "The client sent the placeholder {credentialId}: put the passkey's identifier in its place, or into the body"},

	// Signing in.
	"login_password_wrong":   {2333, "账号或密码错误", "The account or the password is wrong"},
	"login_user_blocked":     {2005, "账号已被禁用", "The account is blocked"},
	"login_email_unverified": {0, "邮箱尚未验证", "The email has not been verified"},
	"login_app_forbidden":    {0, "没有权限登录此应用", "You may not sign in to this application"},
	"login_app_disabled":     {0, "应用已停用", "The application is switched off"},
	"login_method_off":       {0, "应用未开启此登录方式", "The application does not offer this way of signing in"},
	"login_flow_gone":        {1699, "登录流程已失效，请重新登录", "The sign-in is over or took too long, begin again"},
	"login_locked":           {2005, "账号已被锁定", "The account is locked"},
	"login_flood":            {0, "失败次数过多，请稍后重试", "Too many tries have failed, try again later"},
	"scan_gone":              {0, "二维码已过期", "The QR code has expired"},
	"scan_state":             {0, "二维码状态已改变", "The QR code has been answered, or was not scanned by you"},
	"scan_ticket_invalid":    {0, "ticket 无效或已过期", "The ticket is invalid or has expired"},
	"scan_in_browser":        {0, "此用户池不允许在浏览器中换取用户信息", "This pool has tickets exchanged by servers only"},
	"step_mfa":               {1635, "请完成多因素认证", "A second factor is needed"},
	"step_mfa_by_app":        {1636, "请完成多因素认证", "A second factor is needed"},
	"step_wanted":            {0, "请在登录页完成登录", "Sign in on the application's page: it asks for more"},
	// The OpenID provider's own: it answers them in the protocol's words.
	"interaction_gone":         {0, "登录已结束或已过期，请从应用重新开始", "This sign-in is over or took too long, begin again at the application"},
	"device_gone":              {0, "设备代码无效、已使用或已过期", "The device code is unknown, used or too old"},
	"device_pending":           {0, "等待用户确认", "Nobody has answered yet"},
	"device_too_fast":          {0, "请求过于频繁", "Too many requests"},
	"device_refused":           {0, "用户已拒绝", "The user has refused"},
	"grant_refused":            {0, "授权无效：%s", "The grant is refused: %s"},
	"session_none":             {2020, "会话不存在或已结束", "There is no such session"},
	"captcha_needed":           {2000, "请输入图形验证码", "Enter the text of the picture"},
	"captcha_wrong":            {2000, "图形验证码错误", "The text of the picture is wrong"},
	"passcode_wrong":           {2001, "验证码错误", "The code is wrong"},
	"passcode_expired":         {2300, "验证码已失效，请重新获取", "The code is no longer valid, ask for another"},
	"passcode_too_often":       {2080, "发送过于频繁，请稍后重试", "A code was sent a moment ago, wait a minute"},
	"mail_not_configured":      {0, "未配置邮件服务", "No mail service is configured"},
	"sms_not_configured":       {0, "未配置短信服务", "No SMS service is configured"},
	"mail_provider_incomplete": {0, "邮件服务商配置不完整", "The settings of the mail provider are incomplete"},
	"mail_template_invalid":    {0, "邮件模版有误：%s", "The mail template cannot be used: %s"},
	"unlock_off":               {0, "未开启自助解锁", "Accounts are unlocked by administrators"},
	"unlock_password_needed":   {0, "解锁需要输入密码", "Unlocking asks for the password too"},
	"ticket_invalid":           {0, "token 无效或已过期", "The token is invalid or has expired"},
	"ticket_used":              {0, "token 已被使用", "The token has been used already"},
	"ticket_changed":           {0, "操作冲突，请重试", "Somebody else was faster, try again"},
	"client_secret_missing":    {0, "缺少应用密钥", "The application must show its secret"},
	"password_not_decrypted":   {2016, "密码解密失败", "The password cannot be decrypted"},
	"lookups_too_many":         {0, "请求过于频繁，请稍后重试", "Too many requests, try again later"},

	// Registration and one's own account.
	"register_method_off":      {2031, "应用未开启此注册方式", "The application does not offer this way of registering"},
	"register_disabled":        {2031, "已关闭注册", "Registration is closed"},
	"register_too_often":       {0, "注册过于频繁，请稍后重试", "Too many accounts were registered from here, try again later"},
	"register_not_whitelisted": {0, "不在注册白名单中", "Only those on the whitelist may register"},
	"register_account_missing": {0, "请提供用户名、邮箱或手机号", "Give a username, an email or a phone number"},
	"user_exists":              {0, "用户已存在", "The user exists already"},
	"agreement_missing":        {0, "请先同意协议", "The agreements must be accepted"},
	"password_missing":         {0, "请输入密码", "A password is needed"},
	"password_unchanged":       {0, "新密码不能与旧密码相同", "The new password must differ from the old one"},
	"old_password_missing":     {0, "请输入旧密码", "The old password is needed"},
	"old_password_wrong":       {2006, "旧密码错误", "The old password is wrong"},
	"email_not_writable":       {0, "修改邮箱需要验证", "The email must be proven"},
	"phone_not_writable":       {0, "修改手机号需要验证", "The phone number must be proven"},
	"field_not_writable":       {0, "没有权限修改字段 %s", "The field %s may not be written"},
	"completion_missing":       {0, "请补全字段 %s", "The field %s is missing"},
	"address_missing":          {0, "请提供邮箱或手机号", "Give an email or a phone number"},
	"email_bound":              {0, "已绑定邮箱", "An email is bound already"},
	"phone_bound":              {0, "已绑定手机号", "A phone number is bound already"},
	"email_not_bound":          {0, "未绑定邮箱", "No email is bound"},
	"phone_not_bound":          {0, "未绑定手机号", "No phone number is bound"},
	"email_unchanged":          {0, "新邮箱与旧邮箱相同", "The email is the old one"},
	"phone_unchanged":          {0, "新手机号与旧手机号相同", "The phone number is the old one"},
	"old_email_needed":         {0, "需要验证旧邮箱", "The old email must be proven"},
	"old_phone_needed":         {0, "需要验证旧手机号", "The old phone number must be proven"},
	"old_email_mismatch":       {0, "旧邮箱不匹配", "The old email is another"},
	"old_phone_mismatch":       {0, "旧手机号不匹配", "The old phone number is another"},
	"last_way_in":              {0, "至少保留一种登录方式", "Nothing would be left to sign in by"},
	"proof_missing":            {0, "请提供验证码或密码", "A code or the password is needed"},
}

// kinds has the status and the plain text of each kind: what a refusal is answered with whose code has no message.
var kinds = map[fault.Kind]struct {
	status int
	message
}{
	fault.Internal:        {500, message{0, "服务器内部错误", "Internal server error"}},
	fault.Invalid:         {400, message{0, "请求参数错误", "Invalid argument"}},
	fault.Unauthenticated: {401, message{0, "未认证", "Not authenticated"}},
	fault.Forbidden:       {403, message{0, "无权限执行此操作", "Not permitted"}},
	fault.NotFound:        {404, message{0, "资源不存在", "Not found"}},
	fault.Conflict:        {409, message{0, "资源已存在", "Already exists"}},
	fault.Unprocessable:   {422, message{0, "不允许的操作", "Operation not allowed"}},
	fault.TooLarge:        {413, message{0, "请求体过大", "The request is too large"}},
	fault.Throttled:       {429, message{0, "请求过于频繁，请稍后重试", "Too many requests, try again later"}},
	fault.Unsupported:     {501, message{0, "暂不支持此操作", "Operation not supported"}},
	fault.Unavailable:     {503, message{0, "服务暂不可用，请稍后重试", "Service unavailable, try again later"}},
	fault.Refused:         {499, message{0, "请求被拒绝", "Request refused"}},
}

func statusOf(k fault.Kind) int {
	if s := kinds[k].status; s != 0 {
		return s
	}
	return kinds[fault.Internal].status
}

// messageOf is how an operation words a refusal.
func messageOf(e *fault.Error, operation string) message {
	if e.Kind != fault.Internal {
		if m, ok := dataMessage(e, operation); ok {
			return m
		}
		if len(e.Args) > 0 {
			about := e.Code + " " + e.Args[0]
			if m, ok := messages[about+" "+operation]; ok {
				return m
			}
			if m, ok := messages[about]; ok {
				return m
			}
		}
		if m, ok := messages[e.Code]; ok {
			return m
		}
	}
	if k, ok := kinds[e.Kind]; ok {
		return k.message
	}
	return kinds[fault.Internal].message
}

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
			b.WriteString(args[0])
			args = args[1:]
		}
		text = after
	}
}
