{#- What makes a bounce hard, as in flows/events/bounce_type.py; tests/events/test_bounce_type.py compares the two.

    `evidence` lists text expressions: a status code, a reply, a diagnostic code. `category` is an expression for what
    the provider's own category says about the mailbox: 'dead', 'living', or null when it says neither. -#}
{% macro bounce_type(evidence, category='null') -%}
    {%- set dead_mailbox = '5[.](1[.](1|2|3|6|10)|2[.]1)' -%}
    {%- set specific = '[245][.][1-7][.][1-9][0-9]{0,2}' -%}
    {%- set living_mailbox = '552|full|quota|over +quota|overquota'
        ~ '|gr[ae]y *list[a-z]*|try +again|temporar[a-z]*|rate|too +(many|quickly)'
        ~ '|(black|block) *list[a-z]*|[a-z.]*spamhaus[a-z.]*|blocked|spam|policy|reputation' -%}
    {%- set text -%}
        {%- for one in evidence -%}coalesce({{ one }}, ''){{ " || ' ' || " if not loop.last }}{%- endfor -%}
    {%- endset -%}
    {%- set without_addresses = replace_matches(text, '[^\\s<>]*@[^\\s<>]*', ' ') -%}
    {%- set words = "('  ' || lower(" ~ replace_matches(without_addresses, '[^0-9A-Za-z.]+', '  ') ~ ") || '  ')" -%}
    {%- set other_codes = replace_matches(words, '  (' ~ dead_mailbox ~ ')[.]?  ', '    ') -%}
    case
        when coalesce({{ category }}, '') = 'living' then 'soft'
        when {{ matches(words, '  (' ~ living_mailbox ~ ')[.]?  ') }} then 'soft'
        when {{ matches(other_codes, '  (' ~ specific ~ ')[.]?  ') }} then 'soft'
        when coalesce({{ category }}, '') = 'dead' then 'hard'
        when {{ matches(words, '  (' ~ dead_mailbox ~ ')[.]?  ') }} then 'hard'
        else 'soft'
    end
{%- endmacro %}
