#!/bin/sh
# Makes what the servers of infra/ need: a CA of their own with one certificate for all NATS servers, a key that the
# members of the MongoDB replica set share, and passwords.
#   sh infra/make-secrets.sh [directory]      (default: infra/secrets, which git ignores)
# Made once; run again, it changes nothing. Real certificates of your own CA do as well.
set -eu
dir=${1:-"$(dirname "$0")/secrets"}
[ -e "$dir/nats.env" ] && exit 0
umask 077
mkdir -p "$dir"
cd "$dir"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=Madang NATS CA" \
  -addext "basicConstraints=critical,CA:TRUE" -keyout ca-key.pem -out ca.pem 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=nats" \
  -keyout server-key.pem -out server.csr 2>/dev/null
printf '%s\n' "subjectAltName=DNS:nats-1,DNS:nats-2,DNS:nats-3,DNS:localhost,IP:127.0.0.1" \
  "extendedKeyUsage=serverAuth,clientAuth" > server.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 825 -extfile server.ext \
  -out server.pem 2>/dev/null
rm server.csr server.ext
openssl rand -hex 128 > mongo-key
# The servers in containers run as another user than whoever runs this.
chmod 644 ca.pem server.pem server-key.pem mongo-key
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
mv nats.env.new nats.env
