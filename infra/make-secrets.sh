#!/bin/sh
# Creates the secrets of infra/: a CA, a certificate for all NATS servers, one for all MongoDB servers, the key that the
# members of the replica set share, and passwords.
#   sh infra/make-secrets.sh [directory]      (default: MADANG_SECRETS, or infra/secrets, which git ignores)
# A further run creates missing files and changes none. To renew a certificate, remove it and run this again.
# Certificates of your own CA work as well.
set -eu
dir=${1:-${MADANG_SECRETS:-"$(dirname "$0")/secrets"}}
umask 077
mkdir -p "$dir"
cd "$dir"
p256="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
# A file gets its name when it is complete: a run that was cut short leaves no partial file.
done_with() { mv "$1.new" "$1"; }

if ! [ -e ca.pem ]; then
  openssl req -x509 $p256 -days 3650 -subj "/CN=Madang CA" -addext "basicConstraints=critical,CA:TRUE" \
    -keyout ca-key.pem -out ca.pem.new 2>/dev/null
  done_with ca.pem
fi
certificate() { # name of the files, host names, what it is good for
  [ -e ca-key.pem ] || { echo "$dir/$1.pem is missing, and without ca-key.pem it cannot be made." >&2; exit 1; }
  openssl req $p256 -subj "/CN=$1" -keyout "$1-key.pem" -out "$1.csr" 2>/dev/null
  printf 'subjectAltName=%s,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=%s\n' "$2" "$3" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 825 -extfile "$1.ext" \
    -out "$1.pem.new" 2>/dev/null
  rm "$1.csr" "$1.ext"
}
if ! [ -e server.pem ]; then
  certificate server "DNS:nats-1,DNS:nats-2,DNS:nats-3" serverAuth,clientAuth
  done_with server.pem
fi
if ! [ -e mongo.pem ]; then
  # No clientAuth: a NATS server would accept such a certificate from another NATS server.
  certificate mongo "DNS:mongo-1,DNS:mongo-2,DNS:mongo-3" serverAuth
  cat mongo-key.pem >> mongo.pem.new
  rm mongo-key.pem
  done_with mongo.pem
fi
if ! [ -e mongo-key ]; then
  openssl rand -hex 128 > mongo-key.new
  done_with mongo-key
fi
# The servers in containers run as other users.
chmod 644 ca.pem server.pem server-key.pem mongo.pem mongo-key

[ -e nats.env ] && exit 0
password() { printf 'p%s' "$(openssl rand -hex 24)"; }
edge=$(password) persistence=$(password) admin=$(password) mongo=$(password)
urls() { printf 'tls://%s:%s@nats-1:4222,tls://nats-2:4222,tls://nats-3:4222' "$1" "$2"; }
printf 'NATS_URL=%s\n' "$(urls edge "$edge")" > edge.env
{
  printf 'NATS_URL=%s\nADMIN_NATS_URL=%s\n' "$(urls persistence "$persistence")" "$(urls admin "$admin")"
  printf 'MONGODB_URL=mongodb://persistence:%s@mongo-1,mongo-2,mongo-3/madang?replicaSet=rs0\n' "$mongo"
} > persistence.env
printf 'MADANG_MONGODB_ADMIN_PASSWORD=%s\nMADANG_MONGODB_PASSWORD=%s\n' "$(password)" "$mongo" > mongo.env
printf 'NATS_%s_PASSWORD=%s\n' EDGE "$edge" PERSISTENCE "$persistence" ADMIN "$admin" > nats.env.new
done_with nats.env
