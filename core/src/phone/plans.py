#!/usr/bin/env python3
"""Prints the rows of plans.rs from libphonenumber's metadata (Apache-2.0).

    python3 core/src/phone/plans.py      (needs `pip install phonenumbers regex`, made with phonenumbers 9.0.43)
"""
import phonenumbers as pn
import regex
from phonenumbers.phonemetadata import PhoneMetadata


def plans(code):
    for region in pn.COUNTRY_CODE_TO_REGION_CODE[code]:
        yield PhoneMetadata.metadata_for_nongeo_region(code) if region == "001" else PhoneMetadata.metadata_for_region(region)


for code in sorted(pn.COUNTRY_CODE_TO_REGION_CODE):
    lengths, leading, trunk = set(), set(), ""
    for plan in plans(code):
        trunk = trunk or plan.national_prefix or ""
        kinds = (plan.fixed_line, plan.mobile, plan.toll_free, plan.shared_cost, plan.personal_number, plan.voip, plan.uan, plan.premium_rate)
        for kind in kinds:
            if kind is None or kind.national_number_pattern is None:
                continue
            lengths |= set(kind.possible_length or plan.general_desc.possible_length) - {-1}
            pattern = regex.compile(kind.national_number_pattern)
            leading |= {d for d in "0123456789" if pattern.fullmatch(d, partial=True)}
    if code == 1:
        lengths = {10}  # Shorter ones are short codes, which nobody dials from abroad.
    # An international number has 15 digits at most (ITU-T E.164).
    lengths = {n for n in lengths if n + len(str(code)) <= 15}
    print(f'    ({code}, "{trunk}", &{sorted(lengths)}, "{"".join(sorted(leading))}"),')
