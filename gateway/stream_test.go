package gateway

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/gateway/journal"
)

// authority signs the certificates of these tests.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) write(name, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// sign makes NAME.pem and NAME.key.
func (a *authority) sign(name string) tls.Certificate {
	a.t.Helper()
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	raw, _ := x509.MarshalECPrivateKey(key)
	a.write(name+".pem", "CERTIFICATE", der)
	a.write(name+".key", "EC PRIVATE KEY", raw)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (r *rig) dialTLS(a *authority, addr string, own ...tls.Certificate) *peer {
	r.t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, Certificates: own})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return &peer{c, r.t, bufio.NewReader(c)}
}

func startTLS(t *testing.T, mutual bool, change func(*Config)) (*rig, *authority) {
	t.Helper()
	a := newAuthority(t)
	a.sign("server")
	return start(t, func(c *Config, _ *journal.Config) {
		c.TLS = TLSConfig{Addr: freePort(t), Cert: a.path("server.pem"), Key: a.path("server.key")}
		if mutual {
			c.TLS.ClientCA, c.TLS.Identity = a.path("ca.pem"), "cn"
		}
		if change != nil {
			change(c)
		}
	}), a
}

func TestTLSToSinks(t *testing.T) {
	r, a := startTLS(t, false, nil)
	p := r.dialTLS(a, r.cfg.TLS.Addr)
	p.say("login A\nfix %d 1 ", time.Now().Unix())
	p.hear("ok")
	p.say("2\nwhat\nbeat\n")
	p.hear("1")
	p.hear("beat")
	if e := r.store.wait(t, 2)[0]; e.Device != "A" {
		t.Errorf("stored of %q", e.Device)
	}
	plain := r.dial("tcp", r.addr)
	plain.say("login A\n")
	plain.hear("ok")
	p.gone() // the newest connection of a device stays, whatever its kind
	p = r.dialTLS(a, r.cfg.TLS.Addr)
	p.say("login A\n")
	p.hear("ok")
	plain.gone()
}

func TestTLSLimits(t *testing.T) {
	r, a := startTLS(t, false, func(c *Config) {
		c.FramesPerSecond = 5
		c.Idle = 300 * time.Millisecond
		c.FirstByte = 500 * time.Millisecond
	})
	p := r.dialTLS(a, r.cfg.TLS.Addr)
	p.say("login A\n%s", strings.Repeat("beat\n", 12))
	p.hear("ok")
	for range 12 {
		p.hear("beat")
	}
	p.gone() // idle
	mute := r.dial("tcp", r.cfg.TLS.Addr)
	mute.gone() // not even a handshake
	r.dialTLS(a, r.cfg.TLS.Addr).sayAndGo("GET / HTTP/1.1\r\n")
}

func TestMutualTLS(t *testing.T) {
	r, a := startTLS(t, true, nil)
	p := r.dialTLS(a, r.cfg.TLS.Addr, a.sign("A"))
	p.say("login A\nbeat\n")
	p.hear("ok")
	p.hear("beat")
	other := r.dialTLS(a, r.cfg.TLS.Addr, a.sign("B"))
	other.say("login A\nbeat\n")
	other.gone()
	p.say("beat\n")
	p.hear("beat")
	stranger := newAuthority(t)
	anonymous := r.dialTLS(a, r.cfg.TLS.Addr, stranger.sign("A"))
	anonymous.say("login A\n")
	if _, err := anonymous.r.ReadByte(); err == nil {
		t.Error("a certificate of another authority is taken")
	}
}
