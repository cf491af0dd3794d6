/* What libosip2 takes for the facts of an INVITE: `osip FILE COUNT LEN VISITS ROUNDS`.
 * The file is COUNT messages of LEN bytes, then VISITS bytes that say which comes next.
 * Prints the bytes of the facts that it read. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <osipparser2/osip_parser.h>

static size_t text(const char *text) { return text ? strlen(text) : 0; }

static size_t user(const osip_from_t *name)
{
    return name && name->url ? text(name->url->username) : 0;
}

static size_t facts(const char *message, size_t len)
{
    osip_message_t *sip;
    osip_header_t *header;
    size_t found = 0;
    int at = 0;

    if (osip_message_init(&sip) != 0)
        return 0;
    if (osip_message_parse(sip, message, len) == 0) {
        found += user(osip_message_get_from(sip)) + user(osip_message_get_to(sip));
        if (sip->call_id)
            found += text(sip->call_id->number) + (sip->call_id->host ? 1 + strlen(sip->call_id->host) : 0);
        while ((at = osip_message_header_get_byname(sip, "p-asserted-identity", at, &header)) >= 0) {
            osip_from_t *name;
            if (osip_from_init(&name) == 0) {
                if (osip_from_parse(name, header->hvalue) == 0)
                    found += user(name);
                osip_from_free(name);
            }
            at++;
        }
        at = 0;
        while ((at = osip_message_header_get_byname(sip, "identity", at, &header)) >= 0) {
            found += text(header->hvalue);
            at++;
        }
    }
    osip_message_free(sip);
    return found;
}

int main(int argc, char **argv)
{
    FILE *file;
    char *bytes;
    size_t count, len, visits, rounds, size, found = 0;

    if (argc != 6 || !(file = fopen(argv[1], "rb")))
        return 2;
    count = strtoul(argv[2], NULL, 10);
    len = strtoul(argv[3], NULL, 10);
    visits = strtoul(argv[4], NULL, 10);
    rounds = strtoul(argv[5], NULL, 10);
    size = count * len + visits;
    bytes = malloc(size);
    if (!bytes || fread(bytes, 1, size, file) != size || parser_init() != 0)
        return 2;
    while (rounds--)
        for (size_t visit = 0; visit < visits; visit++)
            found += facts(bytes + (unsigned char)bytes[count * len + visit] * len, len);
    printf("%zu\n", found);
    return 0;
}
