/* What sofia-sip takes for the facts of an INVITE: `sofia FILE COUNT LEN VISITS ROUNDS`.
 * The file is COUNT messages of LEN bytes, then VISITS bytes that say which comes next.
 * Prints the bytes of the facts that it read. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_extra.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>

static size_t text(const char *text) { return text ? strlen(text) : 0; }

static size_t facts(const msg_mclass_t *class, const char *message, size_t len)
{
    msg_t *msg = msg_make(class, 0, message, len);
    sip_t *sip = msg ? sip_object(msg) : NULL;
    size_t found = 0;

    if (sip) {
        sip_p_asserted_identity_t *name;
        sip_unknown_t *header;
        if (sip->sip_from)
            found += text(sip->sip_from->a_url->url_user);
        if (sip->sip_to)
            found += text(sip->sip_to->a_url->url_user);
        if (sip->sip_call_id)
            found += text(sip->sip_call_id->i_id);
        for (name = sip_p_asserted_identity(sip); name; name = name->paid_next)
            found += text(name->paid_url->url_user);
        for (header = sip->sip_unknown; header; header = header->un_next)
            if (strcasecmp(header->un_name, "identity") == 0)
                found += text(header->un_value);
    }
    msg_destroy(msg);
    return found;
}

int main(int argc, char **argv)
{
    FILE *file;
    char *bytes;
    size_t count, len, visits, rounds, size, found = 0;
    const msg_mclass_t *class = sip_extend_mclass(NULL);

    if (argc != 6 || !class || !(file = fopen(argv[1], "rb")))
        return 2;
    count = strtoul(argv[2], NULL, 10);
    len = strtoul(argv[3], NULL, 10);
    visits = strtoul(argv[4], NULL, 10);
    rounds = strtoul(argv[5], NULL, 10);
    size = count * len + visits;
    bytes = malloc(size);
    if (!bytes || fread(bytes, 1, size, file) != size)
        return 2;
    while (rounds--)
        for (size_t visit = 0; visit < visits; visit++)
            found += facts(class, bytes + (unsigned char)bytes[count * len + visit] * len, len);
    printf("%zu\n", found);
    return 0;
}
