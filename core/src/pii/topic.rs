//! What the words around a number say that it is.

use foldhash::HashMap;
use std::sync::LazyLock;

/// What a number was said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    None,
    Phone,
    Ssn,
    /// Something else: an account, an order, a price.
    Other,
}

/// What one word says of the number after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    Phone,
    /// "My mobile" and "my cell", not "call": a number may be followed by it.
    PhoneNoun,
    Ssn,
    Other,
    /// Of something else, if the number comes at once: "the price is".
    Nearby,
    /// "Number": the word before or after it says of what.
    Number,
    /// "My number" is a phone's.
    Mine,
    /// May stand before "number" and say nothing of it: "the best".
    Qualifier,
    /// Links a number to what it was: "… is my mobile".
    Copula,
    /// Between "number" and what it is of: "número de cuenta".
    Of,
    /// "Area", "country": the code after it belongs to a phone number.
    Area,
    Code,
    /// Makes an amount of the digits before it.
    Unit,
}

const SENSES: &[(Sense, &str)] = &[
    (
        Sense::Phone,
        "call text reach ring dial sms contact callback llámame llamarme llámeme contacto ligar contato appelez appeler \
         joindre rappeler erreichen rückruf chiamarmi chiamami recapito bellen bereiken zadzwonić ringa numaram رقمي",
    ),
    (
        Sense::PhoneNoun,
        "phone phones telephone cell cellphone mobile landline whatsapp tel mob ph handset teléfono telefono celular móvil movil \
         fijo telefone telemóvel telemovel zap téléphone portable fixe tél telefon telefonnummer handy handynummer \
         mobilnummer mobiltelefon rufnummer festnetz festnetznummer cellulare fisso telefoon telefoonnummer mobiel \
         mobielnummer mobiele gsm telefonu komórka komórki komórkowy mobil tlf telefonum cep телефон телефона мобильный \
         сотовый هاتف هاتفي جوال جوالي موبايل मोबाइल फ़ोन फोन",
    ),
    (Sense::Ssn, "ssn social itin"),
    (
        Sense::Other,
        "fax account order policy card confirmation reference ref member membership invoice ticket case routing cuenta \
         tracking booking serial model passport license licence id iban bic swift vat tax pin voucher coupon loyalty \
         imei sim iccid sku upc ean isbn barcode po nhs mrn username login user cpf cnpj rfc curp dni nie nif nit rut cuit cuil aadhaar \
         bsn kvk siret siren ein abn tfn nino steuernummer password passcode otp pnr badge docket prescription flyer rewards \
         student employee patient customer client contract receipt claim file registration reservation transaction \
         payment parcel shipment vin plate pedido póliza factura expediente contrato cliente reserva referencia commande \
         dossier facture compte référence réservation bestellung vertrag konto rechnung auftrag aktenzeichen ordine fattura conto \
         pratica contratto conta apólice fatura rekening zamówienia zamówienie konta sipariş müşteri",
    ),
    (
        Sense::Nearby,
        "price prices total cost costs costing budget date dated born year years zip postcode postal plz postleitzahl \
         code código codigo codice meter reading readings reads mileage item product article artikel artículo articolo artigo quote estimate loan insurance \
         versicherung seguro assurance assicurazione medical record page pages seat row room rooms gate flight train bus pressure \
         temperature score scores latitude longitude coordinates batch usd eur gbp amount sum version between",
    ),
    (Sense::Number, "number numbers número numero numéro nummer nr numer numara номер رقم नंबर"),
    (Sense::Mine, "my our his her their mi mis mon meine mein unsere mio meu nosso mijn ons mój moja mitt min vårt"),
    (
        Sense::Qualifier,
        "your a the this that another new old other best good right correct direct main local same full whole first second \
         daytime evening alternative back work office business home house personal private preferred current what which \
         any s own su votre ihre deine and or y e et und en och i an have has take get give leave got with for at on as of",
    ),
    (Sense::Copula, "is was are would will s es ist est é è to är"),
    (Sense::Of, "of de do da di del della"),
    (Sense::Area, "area country dialling dialing"),
    (Sense::Code, "code prefix"),
    (
        Sense::Unit,
        "dollar dollars bucks euro euros pound pounds peso pesos reais rupees yen yuan won zloty złotych kronor francs percent cents \
         kilometers kilometres km miles meters metres kilos kilo kilograms kg grams kilowatt kwh square feet liters litres \
         people guests persons pieces units times years days hours minutes weeks months million",
    ),
];

/// Parts of words of scripts without blanks.
const PARTS: &[(Sense, &str)] = &[
    (Sense::Other, "订单 訂單 注文 会员 會員 账号 帳號 口座 予約番号 주문 계좌 예약번호"),
    (Sense::PhoneNoun, "手机 手機 电话 電話 携帯 号码 號碼 전화 휴대폰 핸드폰 연락처 โทร เบอร์ มือถือ"),
];

static WORDS: LazyLock<HashMap<&str, Vec<Sense>>> = LazyLock::new(|| {
    let mut words: HashMap<&str, Vec<Sense>> = HashMap::default();
    for (sense, list) in SENSES {
        list.split_whitespace().for_each(|word| words.entry(word).or_default().push(*sense));
    }
    words
});

/// The word before.
#[derive(Debug, Clone, Copy)]
enum Before {
    /// There is none, or a sentence begins.
    Nothing,
    Unknown,
    Word(&'static [Sense]),
}

impl Before {
    fn is(self, wanted: &[Sense]) -> bool {
        matches!(self, Before::Word(senses) if senses.iter().any(|sense| wanted.contains(sense)))
    }
}

/// What the words so far say of the next number.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    topic: Topic,
    before: Before,
    /// "Number", and then "of": the next word says of what.
    number: Option<bool>,
    /// How many words ago something was named that only counts near the number.
    nearby: Option<u8>,
    /// "My username is": something that nobody listed, and that is no phone.
    naming: Naming,
    /// The last word was "in": "in case" names no case.
    after_in: bool,
}

/// How far a thing is named that the next number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    No,
    /// "My".
    Begins,
    /// "My username".
    Thing,
    /// "My username is".
    Is,
}

impl Context {
    /// Nothing is said yet; `asked`: what the turn before asked for.
    pub fn new(asked: Topic) -> Context {
        Context {
            topic: asked,
            before: Before::Nothing,
            number: None,
            nearby: None,
            naming: Naming::No,
            after_in: false,
        }
    }

    /// Reads the next word, in small letters.
    pub fn read(&mut self, word: &str) {
        const NEARBY_MAX: u8 = 3;
        let senses = if self.after_in && word == "case" { &[] } else { senses(word) };
        self.after_in = word == "in";
        let is = |wanted: Sense| senses.contains(&wanted);
        self.nearby = self.nearby.map(|words| words + 1).filter(|words| *words <= NEARBY_MAX);
        self.naming = match self.naming {
            _ if is(Sense::Mine) || word == "the" => Naming::Begins,
            Naming::Begins | Naming::Thing if senses.is_empty() => Naming::Thing,
            Naming::Thing if is(Sense::Copula) => Naming::Is,
            _ => Naming::No,
        };
        let of_number = self.number == Some(true);
        self.number = self.number.filter(|of| !of && is(Sense::Of)).map(|_| true);
        if is(Sense::Phone) || is(Sense::PhoneNoun) {
            (self.topic, self.nearby) = (Topic::Phone, None);
        } else if is(Sense::Ssn) {
            self.topic = Topic::Ssn;
        } else if is(Sense::Other) || of_number || is_compound_number(word, senses) {
            self.topic = Topic::Other;
        } else if is(Sense::Code) && self.before.is(&[Sense::Area]) {
            self.topic = Topic::Phone;
        } else if is(Sense::Nearby) || is(Sense::Code) {
            self.nearby = Some(0);
        } else if is(Sense::Number) {
            self.read_number();
        }
        self.before = if senses.is_empty() { Before::Unknown } else { Before::Word(senses) };
    }

    /// "Number" is that of the word before it; of "my", "the best" or nothing, a phone's.
    fn read_number(&mut self) {
        const QUALIFIED: [Sense; 4] = [Sense::Phone, Sense::PhoneNoun, Sense::Ssn, Sense::Other];
        const UNQUALIFIED: [Sense; 4] = [Sense::Qualifier, Sense::Copula, Sense::Number, Sense::Unit];
        if self.before.is(&QUALIFIED) {
            return;
        }
        if self.before.is(&[Sense::Mine]) {
            self.topic = Topic::Phone;
        } else if matches!(self.before, Before::Nothing) || self.before.is(&UNQUALIFIED) {
            // "About my order: the number is …" is the order's.
            if self.topic == Topic::None {
                self.topic = Topic::Phone;
            }
        } else if self.topic != Topic::Ssn {
            self.topic = Topic::Other;
        }
        self.number = Some(false);
    }

    /// A sentence ends.
    pub fn end_sentence(&mut self) {
        (self.before, self.naming) = (Before::Nothing, Naming::No);
        (self.number, self.nearby) = (None, None);
    }

    /// What the next number is.
    pub fn topic(&self) -> Topic {
        let is_named = self.naming == Naming::Is && self.topic == Topic::None;
        if self.nearby.is_some() || is_named { Topic::Other } else { self.topic }
    }
}

/// What the words after a number say of it: "… is my mobile".
#[derive(Debug, Clone, Copy)]
pub struct Following {
    context: Context,
    words: u8,
}

impl Following {
    pub fn new() -> Following {
        Following { context: Context::new(Topic::None), words: 0 }
    }

    /// Reads the next word, in small letters, and says what is known now: `Err(())` when nothing will be.
    pub fn read(&mut self, word: &str) -> Result<Option<Topic>, ()> {
        const WORDS_MAX: u8 = 8;
        self.words += 1;
        let first = senses(word);
        if self.words == 1 && first.contains(&Sense::PhoneNoun) {
            return Ok(Some(Topic::Phone));
        }
        if self.words > WORDS_MAX || (self.words == 1 && !first.contains(&Sense::Copula)) {
            return Err(());
        }
        self.context.read(word);
        Ok(Some(self.context.topic()).filter(|topic| *topic != Topic::None))
    }
}

/// Whether this word makes an amount of the digits before it.
pub fn is_unit(word: &str) -> bool {
    senses(word).contains(&Sense::Unit)
}

fn senses(word: &str) -> &'static [Sense] {
    if let Some(senses) = WORDS.get(word) {
        return senses;
    }
    if word.is_ascii() {
        return &[];
    }
    PARTS.iter().find(|(_, parts)| parts.split(' ').any(|part| word.contains(part))).map_or(&[], |(sense, _)| {
        match sense {
            Sense::Other => &[Sense::Other],
            _ => &[Sense::PhoneNoun],
        }
    })
}

/// "Kundennummer": German, Dutch and the languages of Scandinavia join what others write apart.
fn is_compound_number(word: &str, senses: &[Sense]) -> bool {
    senses.is_empty()
        && word.len() > "nummer".len()
        && ["nummer", "nummern", "numret"].iter().any(|end| word.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(words: &str) -> Topic {
        let mut context = Context::new(Topic::None);
        words.split(' ').for_each(|word| context.read(word));
        context.topic()
    }

    #[test]
    fn a_number_is_what_the_word_before_it_says() {
        for phone in [
            "my number is",
            "my mobile number is",
            "the best number is",
            "reach me on",
            "mi número es el",
            "el número de teléfono",
            "meine handynummer ist",
            "mon numéro de portable",
            "the area code is",
            "about my order my number is",
            "a number in case she calls",
        ] {
            assert_eq!(topic(phone), Topic::Phone, "{phone}");
        }
        for other in [
            "my order number is",
            "the tracking number is",
            "meine kundennummer ist",
            "el número de pedido es",
            "the number of guests",
            "my locker number is",
            "call me about account",
            "text me the code",
            "my order the number is",
            "the price is",
            "my username is",
            "the serial on the back is",
        ] {
            assert_eq!(topic(other), Topic::Other, "{other}");
        }
        for nothing in ["i am", "mine is", "the price is not what i meant"] {
            assert_eq!(topic(nothing), Topic::None, "{nothing}");
        }
    }

    #[test]
    fn a_number_is_what_the_words_after_it_call_it() {
        let following = |words: &str| {
            let mut following = Following::new();
            words.split(' ').map_while(|word| following.read(word).ok()).flatten().next()
        };
        assert_eq!(following("is my mobile"), Some(Topic::Phone));
        assert_eq!(following("would be the number to call"), Some(Topic::Phone));
        assert_eq!(following("is my account number"), Some(Topic::Other));
        assert_eq!(following("and my mobile is"), None);
        assert_eq!(following("is too much"), None);
    }
}
