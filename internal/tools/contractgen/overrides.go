package main

import (
	"slices"
	"strings"
)

// typedDomains are the domains of the management client whose request types are generated. Add one when its operations
// are to be served.
var typedDomains = []string{"users", "groups", "roles", "udf", "access-key", "audit", "whitelist", "organizations", "departments", "posts", "data-permission", "resources", "applications", "security", "mfa", "message"}

// embedded names the struct that a request type has inside it, and common the structs that the contract does not have: of
// the fields that two of its models have alike. The contract describes a user four times over; the facade reads it once.
var (
	embedded = map[string]string{
		"CreateUserReqDto":  "CreateUserInfoDto",
		"UpdateUserReqDto":  "UpdateUserInfoDto",
		"CreateUserInfoDto": "UserFields",
		"UpdateUserInfoDto": "UserFields",
	}
	common = map[string][2]string{"UserFields": {"CreateUserInfoDto", "UpdateUserInfoDto"}}
)

// vendorDomains of the authentication client belong to the vendor's other products; its file has no tier of its own.
var vendorDomains = []string{"wechat", "invitation", "approval", "fastpass"}

// change corrects a field where clients or observed answers contradict the vendor's description.
type change func(*field)

// overrides, by "Type.field". The form of texts, such as emails, phone numbers and codes, is not for here: the domain
// normalises before it judges, and it words its refusals itself.
var overrides = map[string][]change{
	// The server takes the pool's own fields and data when no tenant is named; the clients' tests name none.
	"DeleteCustomFieldsReqDto.tenantId": {optional},
	"GetCustomDataParams.tenantId":      {optional},

	// Filters, which narrow a list only when they are sent; the base fields are always those of users. ENUM is what
	// setCustomFields calls the type that is SELECT here.
	"ListUserBaseFieldsParams.targetType": {optional},
	"ListUserBaseFieldsParams.dataType":   {optional, alsoAllow("ENUM")},
	"ListCustFieldsParams.dataType":       {optional, alsoAllow("ENUM")},

	// Older clients call the type of a selection SELECT in both directions.
	"SetCustomFieldDto.dataType": {alsoAllow("SELECT")},

	// A custom value is of its field's type: the clients send numbers and booleans too.
	"SetCustomDataDto.value": {anyJSON, optional},

	// An access key is found by its own id.
	"GetAccessKeyParams.userId": {optional},

	// The values stand in a comment of the description only.
	"GetAccessKeyListParams.status": {oneOf("activated", "staging", "revoked")},

	// Lists that one transaction works off, bounded as the batches are.
	"AddGroupMembersReqDto.userIds":    {items(50)},
	"RemoveGroupMembersReqDto.userIds": {items(50)},
	"ImportOtpReqDto.list":             {items(50)},
	"HasAnyRoleReqDto.roles":           {items(50)},
	"AssignRoleDto.targets":            {items(50)},
	"RevokeRoleDto.targets":            {items(50)},
	"DeleteAdminRoleDto.codeList":      {items(50)},

	"CheckRoleMutualExclusionReqDto.roles": {items(50)},

	"SetUserDepartmentsDto.departments": {items(50)},
	"UserFieldDecryptReqDto.data":       {items(50)},
	"DeleteCustomFieldsReqDto.list":     {items(50)},
	"SetCustomDataReqDto.list":          {items(50)},

	// Organisations, departments and posts. An empty code of an organisation is for the domain to word; metadata belongs to the
	// vendor's data objects, and clients' tests send none.
	"GetOrganizationParams.organizationCode":              {optional},
	"CreateOrganizationReqDto.organizationCode":           {optional},
	"CreateOrganizationReqDto.metadata":                   {optional},
	"CreateOrganizationReqDto.postIdList":                 {items(50)},
	"UpdateOrganizationReqDto.organizationCode":           {optional},
	"UpdateOrganizationReqDto.leaderUserIds":              {items(50)},
	"UpdateOrganizationReqDto.postIdList":                 {items(50)},
	"DeleteOrganizationReqDto.organizationCode":           {optional},
	"CreateDepartmentReqDto.organizationCode":             {optional},
	"CreateDepartmentReqDto.metadata":                     {optional},
	"CreateDepartmentReqDto.postIdList":                   {items(50)},
	"UpdateDepartmentReqDto.organizationCode":             {optional},
	"UpdateDepartmentReqDto.metadata":                     {optional},
	"UpdateDepartmentReqDto.leaderUserIds":                {items(50)},
	"UpdateDepartmentReqDto.postIdList":                   {items(50)},
	"DeleteDepartmentReqDto.organizationCode":             {optional},
	"SearchDepartmentsReqDto.organizationCode":            {optional},
	"SearchDepartmentsListReqDto.organizationCode":        {optional},
	"SearchDepartmentsListReqDto.advancedFilter":          {items(50)},
	"SearchDepartmentsListReqDto.sort":                    {items(8)},
	"ListChildrenDepartmentsParams.organizationCode":      {optional},
	"GetAllDepartmentsParams.organizationCode":            {optional},
	"ListDepartmentMembersParams.organizationCode":        {optional},
	"ListDepartmentMemberIdsParams.organizationCode":      {optional},
	"SearchDepartmentMembersParams.organizationCode":      {optional},
	"AddDepartmentMembersReqDto.organizationCode":         {optional},
	"AddDepartmentMembersReqDto.userIds":                  {items(50)},
	"RemoveDepartmentMembersReqDto.organizationCode":      {optional},
	"RemoveDepartmentMembersReqDto.userIds":               {items(50)},
	"GetParentDepartmentParams.organizationCode":          {optional},
	"IsUserInDepartmentParams.organizationCode":           {optional},
	"GetDepartmentSyncRelationsParams.organizationCode":   {optional},
	"DeleteDepartmentSyncRelationReqDto.organizationCode": {optional},

	// An unknown department, an empty name too, is the domain's to refuse.
	"SetUserDepartmentDto.departmentId": {optional},

	// Lists that the description calls texts.
	"CreatePostDto.departmentIdList": {anyJSON},
	"GetPostByIdListDto.idList":      {anyJSON},
	"SetUserPostsDto.postIds":        {items(50)},

	// A tree: the description knows of one level of it, and of one member.
	"CreateDepartmentTreeReqDto.children": {anyJSON},
	"CreateDepartmentTreeReqDto.members":  {anyJSON},

	// Clients create groups of a code and a name alone; the type is "static" then.
	"CreateGroupReqDto.type":                {optional},
	"CreateGroupReqDto.description":         {optional},
	"CreateOrUpdateGroupReqDto.type":        {optional},
	"CreateOrUpdateGroupReqDto.description": {optional},
	"UpdateGroupReqDto.description":         {optional},

	// An update changes what it names. Clients' tests send an empty newCode and expect the old code to stay.
	"UpdateRoleDto.status":  {oneOf("ENABLE", "DISABLE", "DISABLED")},
	"UpdateRoleDto.name":    {optional},
	"UpdateRoleDto.newCode": {optional},

	// A number of milliseconds, which answers give as a number; it comes as text too.
	"CreateRoleDto.disableTime": {anyJSON},
	"UpdateRoleDto.disableTime": {anyJSON},

	// An empty code in a batch is refused with a text of its own, which is the domain's.
	"RoleListItem.code": {optional},

	// Resources and namespaces. The server picks a code where the client leaves it empty, and what has none is not found; a
	// description of an action can be missing. Codes of a batch are the domain's to word.
	"CreateResourceDto.code":                        {optional},
	"CreateResourceBatchItemDto.code":               {optional},
	"GetResourceParams.code":                        {optional},
	"UpdateResourceDto.code":                        {optional},
	"DeleteResourceDto.code":                        {optional},
	"ResourceAction.description":                    {optional},
	"CreateNamespacesBatchItemDto.code":             {optional},
	"GetAuthorizedResourcesParams.targetIdentifier": {optional},
	"GetAuthorizedResourcesParams.resourceList":     {items(50)},
	"ListCommonResourceParams.namespaceCodeList":    {listed, items(50)},
	"DeleteResourcesBatchDto.codeList":              {items(50)},
	"DeleteResourcesBatchDto.ids":                   {items(50)},
	"AuthorizeResourcesDto.list":                    {items(50)},
	"AuthorizeResourceItem.targetIdentifiers":       {items(50)},
	"AuthorizeResourceItem.resources":               {items(50)},
	"ResourceItemDto.actions":                       {optional, items(50)},

	// Who may enter an application.
	"ListAuthSubjectDto.effect":             {oneOf("ALLOW", "DENY")},
	"ListAuthSubjectDto.appTypeList":        {items(50)},
	"ListApplicationAuthDto.targetTypeList": {oneOf("USER", "ROLE", "GROUP", "ORG", "AK_SK"), items(50)},

	// Applications and security. Pages of strings are pages of numbers; an update changes what it names. What an application page has of
	// its own is an object that the description leaves empty. A factor that is not offered is the domain's to refuse.
	"ListTenantApplicationsParams.page":                                {bounds(1, 1<<31-1, 1)},
	"ListTenantApplicationsParams.limit":                               {bounds(1, 50, 10)},
	"ListTenantApplicationsParams.keywords":                            {optional},
	"ListTenantApplicationsParams.sso_enabled":                         {optional},
	"ApplicationLoginConfigInputDto.showAuthorizationPage":             {optional},
	"UpdateApplicationLoginConfigInputDto.showAuthorizationPage":       {optional},
	"ApplicationRegisterConfigInputDto.enabledBasicRegisterMethods":    {optional},
	"ApplicationRegisterConfigInputDto.defaultRegisterMethod":          {optional},
	"LoginAnomalyDetectionConfigDto.loginFailStrategy":                 {optional},
	"LoginAnomalyDetectionConfigDto.robotVerify":                       {optional, oneOf("disable", "condition_set", "always_enable")},
	"LoginAnomalyDetectionConfigDto.accountLock":                       {optional, oneOf("disable", "condition_set")},
	"LoginAnomalyDetectionConfigDto.loginFailCheck":                    {optional},
	"LoginAnomalyDetectionConfigDto.loginPasswordFailCheck":            {optional},
	"LoginAnomalyDetectionConfigDto.robotVerifyLoginPasswordFailCheck": {optional},
	"LoginAnomalyDetectionConfigDto.robotVerifyLoginIpWhitelistCheck":  {optional},
	"LoginAnomalyDetectionConfigDto.robotVerifyLoginTimeCheckEnable":   {optional},
	"LoginAnomalyDetectionConfigDto.robotVerifyloginWeekStartEndTime":  {optional},
	"LoginIpWhitelistCheckConfigDto.ipWhitelist":                       {optional},
	"MFASettingsDto.enabledFactors":                                    {optional},
	"UpdateLoginConfig.tabMethodsSortConfig":                           {optional},
	"UpdateLoginConfig.qrCodeSortConfig":                               {optional},
	"UpdateLoginConfig.ssoPageCustomizationSettings":                   {optional},
	"UpdateLoginConfig.passwordTabConfig":                              {optional},
	"UpdateLoginConfig.verifyCodeTabConfig":                            {optional},
	"UpdateLoginConfig.config":                                         {optional},
	"UpdateLoginConfig.enableCreateTenant":                             {optional},
	"UpdateLoginConfig.createTenantScenes":                             {optional},
	"UpdateLoginConfig.enableJoinTenant":                               {optional},
	"UpdateLoginConfig.joinTenantScenes":                               {optional},
	"UpdateLoginConfig.enableVerifyDomain":                             {optional},
	"UpdateLoginConfig.enableAutoConnectTenantApp":                     {optional},
	"UpdateLoginConfig.verifyDomainScenes":                             {optional},
	"LanguageCoinfigDto.global":                                        {optional},
	"CheckDomainAvailable.domain":                                      {optional},

	// An administrator who links an identity does not have what the provider would have said of the user.
	"CreateIdentityDto.userInfoInIdp": {optional},
	"CreateIdentityDto.originConnIds": {optional},

	// Values to add or remove have to be there, and one transaction works them off.
	"AddWhitelistDto.list":         {needed, items(500)},
	"DeleteWhitelistDto.list":      {needed, items(500)},
	"AddWhitelistOfAppDto.list":    {needed, items(500)},
	"DeleteWhitelistOfAppDto.list": {needed, items(500)},

	// Data permission. Structures are texts, lists or trees; statements may have a condition, which the description does not know. Who a
	// policy is given to is the domain's to refuse, as is where a question about a level has no nodes: it is about the place itself then.
	"CreateDataResourceDto.struct":                      {anyJSON},
	"CreateTreeDataResourceDto.struct":                  {anyJSON},
	"UpdateDataResourceDto.struct":                      {anyJSON},
	"CreateDataPolicyDto.statementList":                 {anyJSON},
	"UpdateDataPolicyDto.statementList":                 {anyJSON},
	"CreateDataResourceDto.extendFieldList":             {items(50)},
	"CreateTreeDataResourceDto.extendFieldList":         {items(50)},
	"BatchCreateDnefReq.fieldList":                      {items(50)},
	"SubjectDto.id":                                     {optional},
	"SubjectDto.type":                                   {optional},
	"CreateAuthorizeDataPolicyDto.targetList":           {items(500)},
	"CreateAuthorizeDataPolicyDto.policyIds":            {items(50)},
	"GetUserPermissionListDto.userIds":                  {items(50)},
	"GetUserPermissionListDto.namespaceCodes":           {items(50)},
	"CheckPermissionDto.resources":                      {items(100)},
	"CheckExternalUserPermissionDto.resources":          {items(100)},
	"GetUserResourcePermissionListDto.resources":        {items(100)},
	"ListResourceTargetsDto.resources":                  {items(100)},
	"ListResourceTargetsDto.actions":                    {items(100)},
	"CheckUserSameLevelPermissionDto.resourceNodeCodes": {optional, items(100)},
	"ListPermissionViewDto.page":                        {bounds(1, 1<<31-1, 1)},
	"ListDnefParams.startIndex":                         {bounds(1, 1<<31-1, 1)},
	"ListDnefParams.maxSize":                            {bounds(1, 50, 10)},
	"AuthEnvParams.deviceType":                          {oneOf()},
	"AuthEnvParams.systemType":                          {oneOf()},
	"AuthEnvParams.browserType":                         {oneOf()},

	// A language that is not enabled has no text, and a pool need not use all four.
	"LangUnit.value":   {optional},
	"LangObject.zh-CN": {optional},
	"LangObject.en-US": {optional},
	"LangObject.zh-TW": {optional},
	"LangObject.ja-JP": {optional},

	// The answer of getUserMfaStatus is described as the request that sets it: an administrator has no token of the
	// user's sign-in, and leaves out the applications' factors that stay as they are.
	"GetMfaInfoDataDto.mfaToken":       {optional},
	"GetMfaInfoDataDto.applicationMfa": {optional},
}

// general corrects fields by their name, wherever they stand among siblings.
func general(siblings []field, f *field, batch bool) {
	named := func(name string) bool {
		return slices.ContainsFunc(siblings, func(s field) bool { return s.Name == name })
	}
	paged := named("page") && named("limit")
	switch {
	case paged && f.Name == "page":
		// Also where the vendor types it as any: the audit logs' paging is described as a request of webhooks. The upper
		// bound keeps (page-1)*limit within 64 bits, so that no domain has to think of it.
		bounds(1, 1<<31-1, 1)(f)
	case paged && f.Name == "limit":
		bounds(1, 50, 10)(f) // the clients' tests: 0, -1 and 51 are refused everywhere
	case f.Type == "boolean" && !f.Required && f.Default == nil && (strings.HasPrefix(f.Name, "with") || strings.HasPrefix(f.Name, "flat")):
		f.Default = false // what is not asked for is left out of the answer
	}
	if batch {
		items(50)(f) // documented for the creation of users, and held for every batch: one transaction each
	}
}

func optional(f *field) { f.Required = false }

func needed(f *field) { f.Required = true }

func anyJSON(f *field) { f.Type = "any" }

func listed(f *field) { f.Type = "string[]" }

func items(n int) change { return func(f *field) { f.items = n } }

func oneOf(values ...any) change { return func(f *field) { f.Enum = values } }

func alsoAllow(value string) change {
	return func(f *field) { f.Enum = append(slices.Clone(f.Enum), any(value)) }
}

// bounds of an optional number, which the vendor types as any or string in places.
func bounds(min, max, preset float64) change {
	return func(f *field) {
		f.Type, f.Required, f.Min, f.Max, f.Default = "number", false, &min, &max, preset
	}
}

// override is f, a member of the type named typ, corrected.
func (g *declarations) override(typ string, siblings []field, f field) field {
	key := typ + "." + f.Name
	for _, c := range overrides[key] {
		c(&f)
	}
	if _, ok := overrides[key]; ok {
		if g.used == nil {
			g.used = map[string]bool{}
		}
		g.used[key] = true
	}
	general(siblings, &f, slices.Contains(g.batch, key))
	return f
}

// unused names the overrides that no generated type has asked for.
func (g *declarations) unused() []string {
	var keys []string
	for k := range overrides {
		if !g.used[k] {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}
