package signin

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// QRPicture draws text as a QR code (ISO/IEC 18004) of level M, a PNG of 240 pixels or so a side with the quiet zone around it, and
// returns it as a data address, which pages can show without fetching anything.
func QRPicture(text string) (string, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", err
	}
	modules := code.Bounds().Dx()
	scale := max(4, 240/(modules+8))
	scaled, err := barcode.Scale(code, modules*scale, modules*scale)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, quiet{scaled, 4 * scale}); err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// quiet is a picture with a white margin, without which readers do not find a QR code on a dark page.
type quiet struct {
	image.Image
	margin int
}

func (q quiet) Bounds() image.Rectangle {
	b := q.Image.Bounds()
	return image.Rect(0, 0, b.Dx()+2*q.margin, b.Dy()+2*q.margin)
}

func (q quiet) At(x, y int) color.Color {
	b := q.Image.Bounds()
	p := image.Pt(x-q.margin+b.Min.X, y-q.margin+b.Min.Y)
	if !p.In(b) {
		return color.Gray16{Y: 0xffff}
	}
	return q.Image.At(p.X, p.Y)
}
