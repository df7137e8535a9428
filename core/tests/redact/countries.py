#!/usr/bin/env python3
"""Writes countries_tuned.tsv and countries_held_out.tsv: 100 phone numbers of 20 countries, each in three forms, and
as many turns with numbers that are none.

    python3 core/tests/redact/countries.py       (needs `pip install phonenumbers`, made with 9.0.43)

The numbers are valid ones of libphonenumber's metadata, drawn with a fixed seed. The split was fixed before the rules
were written: numbers with an even index, and phrases with an even index, are tuned on; the odd ones are held out.
"""
import os
import random
import re

import phonenumbers as pn

COUNTRIES = "GB DE FR ES IT NL PL SE PT CH IN CN JP KR SG TR BR MX CO AR".split()
NAMES = "zero one two three four five six seven eight nine".split()
SCRIPTS = {"IN": 0x966, "JP": 0xFF10, "CN": 0xFF10, "TR": 0x6F0, "SG": 0xE50}

# {}: the number. Before the bar: what the agent said.
ENGLISH = [
    "My mobile is {}.", "You can reach me on {}.",
    "Call me on {}, I want to book a cut.", "Please ring me at {} after five.",
    "my number is {} thanks", "Sure, the best number for me is {}.",
    "What is your mobile number?|{}", "And a phone number, in case we are cut off?|Yes, it's {}.",
    "{} is my mobile.", "{} would be the number to call.",
    "I'm Dana Whitfield and my cell phone is {}, I need two seats for 4 people.", "The line is bad, so text me: {}.",
    "It's for Saturday at 7:30, my phone number is {}.", "My WhatsApp is {}, or write to dana@example.com.",
    "What's the best number to reach you?|um, {}", "Can I take your telephone number?|{}, and I'm here until six.",
    "my phone's {} but evenings only", "contact number {} for the delivery at 12 High Street",
    "I was cut off before, if it happens again dial {} please.", "Home is {}. I'm usually in.",
]
NATIVE = {
    "DE": ["Meine Handynummer ist {}.", "Sie erreichen mich unter der Telefonnummer {}."],
    "CH": ["Meine Nummer ist {}.", "Rufen Sie mich bitte unter {} an, das ist mein Handy."],
    "FR": ["Mon numéro de portable, c'est le {}.", "Mon téléphone est le {}, merci."],
    "ES": ["Mi número es el {}.", "Mi móvil es {}, gracias."],
    "IT": ["Il mio cellulare è {}.", "Il mio numero di telefono è {}."],
    "NL": ["Mijn telefoonnummer is {}.", "Mijn mobiel is {}, graag na zes uur."],
    "PL": ["Mój numer telefonu to {}.", "Mój numer to {}."],
    "SE": ["Mitt mobilnummer är {}.", "Mitt telefonnummer är {}."],
    "PT": ["O meu telemóvel é o {}.", "O meu número é {}."],
    "TR": ["Cep telefonum {}.", "Telefon numaram {}."],
    "BR": ["Meu celular é {}.", "Meu telefone é {}, pode ligar."],
    "MX": ["Mi celular es {}.", "Mi teléfono es el {}."],
    "CO": ["Mi celular es {}.", "Mi número es {}."],
    "AR": ["Mi celular es {}.", "Mi teléfono es {}, gracias."],
    "CN": ["我的手机号是{}。", "我的电话是{}，谢谢。"],
    "JP": ["携帯番号は{}です。", "電話番号は{}です。"],
    "KR": ["제 전화번호는 {}입니다.", "휴대폰 번호는 {}이에요."],
}

# {a} to {f}: that many digits and more (5, 6, 8, 9, 10, 12); {A}: letters. Nothing in them is anybody's number.
OTHERS = [
    "My order number is {c}.", "The tracking number is {e}, it never came.",
    "Order {d}, please.", "My booking reference is {A}{b}.",
    "What is your order number?|{e}", "What is your customer number?|it's {c}",
    "My policy number is {d} and it runs out in May.", "The invoice says {c}, dated 12.05.2026.",
    "I called about order {c} last week.", "You sent me the code {b}, then {b} again.",
    "My account number is {c}.", "The serial number on the back is {f}.",
    "Meine Kundennummer ist {c}.", "Die Rechnungsnummer lautet {d}.",
    "Mi número de pedido es {d}.", "El número de cuenta es {e}.",
    "Mon numéro de dossier est le {c}.", "Le numéro de commande est {d}.",
    "IBAN DE89 3704 0044 0532 0130 00", "The IBAN is GB29 NWBK 6016 1331 9268 19.",
    "We moved in on 12 05 2019.", "She was born on 03.11.1987.",
    "It cost 1,250,000 dollars.", "The house is 1.250.000 euros, and I have 250.000.",
    "I can pay 45000 euros now and 12000000 pesos later.", "They quoted $12,345,678 for it.",
    "Call me between 10 and 12 or from 2 to 4.", "Text me at 11:30 on 12/15, or at 14:45.",
    "You called me on 2026-03-08 at 19:15.", "I rang on 08/03/2026 at half past 9.",
    "The code for the gate is {a}.", "My zip is 10013-2204.",
    "I need 12 chairs, 24 plates, 36 forks and 48 cups.", "Rooms 101, 102, 103 and 204 please.",
    "The years 1998, 1999 and 2000 were good.", "I was there in 2019, 2020, 2021 and 2022.",
    "Flight LH 4{a} on the 5th.", "The train is ICE 1{a}.",
    "The meter reads {b}.", "My meter says {c} kilowatt hours.",
    "Our coordinates are 37.7749, -122.4194.", "It is at 52.5200, 13.4050.",
    "My passport number is {d}.", "My student ID is {c}.",
    "The VAT number is {d}.", "Tax id {e}.",
    "The mileage is 123456, the price 24500.", "The parcel weighs 12.5 kilos and is 30 by 40 by 50.",
    "The score was 3 2, 4 1, 6 4, 7 5.", "I have 7 or 8 people, maybe 9, at 7 30.",
    "{c} is my account number.", "{e} is the order number.",
    "My loyalty card says {e}.", "My membership number is {d}.",
    "The confirmation is {d}.", "Confirmation code {c}.",
    "I paid with the voucher {e}.", "The ticket number is {c}.",
    "Case {c}, opened in March.", "Reference {d}.",
]


def numbers(region, rng):
    """Three mobile numbers and two of a fixed line."""
    for kind in (pn.PhoneNumberType.MOBILE, pn.PhoneNumberType.FIXED_LINE, pn.PhoneNumberType.MOBILE,
                 pn.PhoneNumberType.FIXED_LINE, pn.PhoneNumberType.MOBILE):
        example = str(pn.example_number_for_type(region, kind).national_number)
        keep = 3
        while True:
            nsn = example[:keep] + "".join(rng.choice("0123456789") for _ in example[keep:])
            number = pn.parse(pn.format_number(pn.example_number_for_type(region, kind), pn.PhoneNumberFormat.E164)[:1]
                              + str(pn.country_code_for_region(region)) + ("0" if region == "IT" and kind == 0 else "") + nsn)
            if pn.is_valid_number(number) and len(set(nsn)) > 4:
                yield number
                break


def digits(text):
    return "".join(c for c in text if c.isdigit())


def spoken(text):
    """Digit by digit, a comma where the number is written in groups."""
    groups = ["".join(g) for g in "".join(c if c.isdigit() else " " for c in text).split()]
    plus = "plus " if text.startswith("+") else ""
    return plus + ", ".join(" ".join("oh" if d == "0" and plus == "" else NAMES[int(d)] for d in group) for group in groups)


def forms(number, region):
    national = pn.format_number(number, pn.PhoneNumberFormat.NATIONAL)
    international = pn.format_number(number, pn.PhoneNumberFormat.INTERNATIONAL)
    e164 = pn.format_number(number, pn.PhoneNumberFormat.E164)
    yield national, digits(national)
    yield digits(national), digits(national)
    yield spoken(national), digits(national)
    yield international, e164
    yield e164, e164
    yield "00" + international[1:], e164
    yield spoken(international), e164
    yield national.replace(" ", "-").replace("(", "").replace(")", ""), digits(national)
    yield national.replace("-", " ").replace("(", "").replace(")", ""), digits(national)
    if region in SCRIPTS:
        yield "".join(chr(SCRIPTS[region] + int(c)) if c.isdigit() else c for c in national), digits(national)
    # No Italian number loses its 0, and what Argentina dials at home is written otherwise abroad.
    if national.startswith("0") and region not in ("IT", "AR"):
        code = international.split()[0]
        yield f"{code} (0){national[1:]}" if "(" not in national else f"{code} (0) {national[1:]}", e164
    if region in ("BR", "MX", "CO"):
        yield national.replace("-", "."), digits(national)


def other(template, rng):
    lengths = dict(a=5, b=6, c=8, d=9, e=10, f=12)
    for letter, length in lengths.items():
        while "{" + letter + "}" in template:
            value = rng.choice("123456789") + "".join(rng.choice("0123456789") for _ in range(length - 1))
            template = template.replace("{" + letter + "}", value, 1)
    return template.replace("{A}", "".join(rng.choice("ABCDEFGHJKLMNP") for _ in range(2)))


def line(template, number, value):
    before, _, turn = template.rpartition("|")
    values = ([f"PHONE={value}"] if value else []) + re.findall(r"\b\w+@example\.com\b", turn)
    values = [value if "=" in value else f"EMAIL={value}" for value in values]
    return "\t".join([before, turn.replace("{}", number)] + ([" ".join(values)] if values else []))


def main():
    rng = random.Random(20261129)
    files = {0: [], 1: []}
    index = 0
    for region in COUNTRIES:
        for number in numbers(region, rng):
            half = index % 2
            ways = list(forms(number, region))
            first = rng.randrange(len(ways))
            chosen = [ways[(first + step * 4) % len(ways)] for step in range(3)] if len(ways) > 9 else rng.sample(ways, 3)
            for nth, (text, value) in enumerate(chosen):
                phrases = ENGLISH[half::2]
                if nth == 2 and region in NATIVE:
                    phrases = NATIVE[region][half::2]
                files[half].append(line(rng.choice(phrases), text, value))
            index += 1
    for at, template in enumerate(OTHERS):
        for _ in range(2 if "{" in template else 1):
            files[at % 2].append(line(other(template, rng), "", None))
    here = os.path.dirname(os.path.abspath(__file__))
    for half, name in ((0, "countries_tuned.tsv"), (1, "countries_held_out.tsv")):
        with open(os.path.join(here, name), "w", encoding="utf-8") as out:
            out.write("# Written by countries.py: turn before, turn, what is to be replaced, or nothing\n")
            out.writelines(text + "\n" for text in files[half])


main()
