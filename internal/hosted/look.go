package hosted

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image/png"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/guildhall-id/guildhall/internal/signin"
)

// looks are what an application's branding makes of a page. Nothing of the branding reaches a page unchecked, and its own CSS not at
// all: a stylesheet can read what is typed and lay anything over a form.
type looks struct {
	logo        string
	style       template.CSS
	heading     string
	lead        string
	footer      string
	noLanguages bool
}

func looksOf(app *signin.Application, l lang) looks {
	b := app.Settings.Branding
	look := looks{logo: safeLogo(app.Logo), noLanguages: b.HideLanguages}
	if !b.Enabled {
		return look
	}
	if c, ok := parseColour(b.PrimaryColor); ok {
		look.style = brandStyle(c)
	}
	say := func(name string) string {
		for _, key := range []string{name + "." + languages[l].tag, name + "." + languages[l].code, name} {
			if t := strings.TrimSpace(b.Texts[key]); t != "" && len(t) <= longestBrandText {
				return t
			}
		}
		return ""
	}
	look.heading, look.lead, look.footer = say("title"), say("subtitle"), say("footer")
	return look
}

const (
	longestBrandText = 512
	longestLogoURL   = 2048
	longestLogoData  = 256 << 10
	largestLogo      = 2048 // pixels a side
)

const pngPrefix = "data:image/png;base64,"

// safeLogo is a logo that a page may show: an address by https, or a PNG inside the address that is no larger than a logo needs to be.
func safeLogo(logo string) string {
	if data, ok := strings.CutPrefix(logo, pngPrefix); ok {
		if len(data) > longestLogoData {
			return ""
		}
		b, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return ""
		}
		c, err := png.DecodeConfig(bytes.NewReader(b))
		if err != nil || c.Width > largestLogo || c.Height > largestLogo {
			return ""
		}
		return logo
	}
	u, err := url.Parse(logo)
	if err != nil || len(logo) > longestLogoURL || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(u.Host, "; ,'\"*") {
		return ""
	}
	return u.String()
}

// colour is an sRGB colour, each part from 0 to 1.
type colour [3]float64

var colourPattern = regexp.MustCompile(`^#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)

func parseColour(text string) (c colour, ok bool) {
	if !colourPattern.MatchString(text) {
		return c, false
	}
	digits := text[1:]
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	for i := range c {
		n, err := strconv.ParseUint(digits[2*i:2*i+2], 16, 8)
		if err != nil {
			return c, false
		}
		c[i] = float64(n) / 255
	}
	return c, true
}

func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0]*255)), int(math.Round(c[1]*255)), int(math.Round(c[2]*255)))
}

// luminance is the relative luminance of WCAG 2.
func (c colour) luminance() float64 {
	linear := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is the contrast ratio of WCAG 2, from 1 to 21.
func contrast(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	if x < y {
		x, y = y, x
	}
	return (x + 0.05) / (y + 0.05)
}

// mix goes part of the way from c to other.
func (c colour) mix(other colour, part float64) colour {
	for i := range c {
		c[i] += (other[i] - c[i]) * part
	}
	return c
}

var (
	white = colour{1, 1, 1}
	black = colour{0, 0, 0}
	// The lightest and the darkest ground that text in the brand's colour stands on, in each scheme: --page and --field of the stylesheet.
	lightGround = colour{0xec / 255., 0xee / 255., 0xf3 / 255.}
	darkGround  = colour{0x2a / 255., 0x31 / 255., 0x3c / 255.}
)

// readable is the nearest colour on the way to an end that stands out from the ground by 4.5, as WCAG 2 asks of text.
func (c colour) readable(ground, end colour) colour {
	for part := 0.0; part < 1; part += 0.05 {
		if m := c.mix(end, part); contrast(m, ground) >= 4.5 {
			return m
		}
	}
	return end
}

// brandStyle is the application's colour as the stylesheet's variables: the colour itself under buttons, with white or black upon it,
// and shades of it that can be read as text.
func brandStyle(c colour) template.CSS {
	on := white
	if contrast(c, white) < 4.5 {
		on = black
	}
	return template.CSS(fmt.Sprintf(":root{--brand:%s;--on-brand:%s;--brand-text:%s;--brand-text-dark:%s}", c, on,
		c.readable(lightGround, black), c.readable(darkGround, white)) +
		"@media(prefers-color-scheme:dark){:root{--brand-text:var(--brand-text-dark)}}")
}
