package notify

// Fill fills a handlebars template in, every place with the same value.
func Fill(content, value string) (string, error) {
	return document(Handlebars, content, &Params{App: value, User: value, Email: value, Code: value, Link: value, Password: value})
}

// The headers by which vendors know who asks.
var (
	AliyunAuthorization  = aliyunAuthorization
	TencentAuthorization = tencentAuthorization
	CanonicalQuery       = canonicalQuery
)
