/**
 * The passwords of at least eight characters that head every published list of leaked ones, in lower case.
 * Shorter ones are refused by their length.
 */
export const commonPasswords: ReadonlySet<string> = new Set(
  `
  12345678 123456789 1234567890 12345678910 0123456789 123456780 123456781 1234567891 123456789a 123456789q
  12341234 12344321 12121212 11223344 112233445566 123123123 123321123 1231231234 123454321 1234554321 1234512345
  11111111 111111111 1111111111 00000000 000000000 0000000000 22222222 33333333 44444444 55555555 66666666 77777777
  88888888 99999999 999999999 987654321 9876543210 87654321 0987654321 147258369 147852369 159753456 741852963
  789456123 963852741 321654987 123654789 456789123 456456456 789789789 13131313 31415926 10203040 20202020
  password passw0rd p@ssw0rd p@ssword pa55word passwort password! password1 password2 password3 password9 password01
  password11 password12 password21 password69 password99 password123 password123! password1234 password12345
  password123456 password@123 passw0rd1 p@ssw0rd1 p@ssw0rd123 pass1234 pass12345 pass@123 password1! mypassword
  password0 passwords passpass passport passcode testpassword newpassword drowssap pa$$word pa$$w0rd
  qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 qwerty12345 qwerty123456 qwertyqwerty qwerty321 qwerty01
  qwertyuiop123 qwertzui qwertzuiop azertyui azertyuiop azerty123 asdfghjk asdfghjkl asdfasdf asdf1234 asdfghjkl123
  asdasdasd asdqwe123 zxcvbnm1 zxcvbnm123 zxcvbnm, zxcvbnm,. zaq12wsx zaq1zaq1 zaq1xsw2 1qaz2wsx 1qaz2wsx3edc
  1qazxsw2 1qaz1qaz 1qaz@wsx !qaz2wsx qazwsxedc qazwsx123 qazwsxedcrfv 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y q1w2e3r4
  q1w2e3r4t5 q1w2e3r4t5y6 qweasdzxc qweasd123 qwe123qwe 123qweasd 123qwe123 qweqweqwe 1234qwer qwer1234 1234asdf
  abcd1234 abcdefgh abcdefghi abcdefg1 abcdefg123 abcd12345 abc12345 abc123456 abc123abc abcabcabc a1b2c3d4
  a1234567 a12345678 a123456789 aa123456 aa12345678 1234567a 12345678a 1234abcd 123abc123 123456abc 123456qwerty
  1234567q aaaaaaaa zzzzzzzz xxxxxxxx
  iloveyou iloveyou1 iloveyou2 iloveyou! iloveyou123 iloveme1 iloveu123 loveyou1 loveyou123 lovelove ilovegod
  letmein1 letmein! letmein123 letmeinnow welcome1 welcome! welcome12 welcome123 welcome1234 welcome@123 hello123
  hello1234 hellohello helloworld sunshine sunshine1 princess princess1 princesa football football1 baseball baseball1
  basketball basketball1 softball volleyball superman superman1 batman123 spiderman spiderman1 starwars starwars1
  pokemon1 pokemon123 charlie1 michelle michael1 jennifer jennifer1 jessica1 jonathan danielle samantha benjamin
  victoria patricia elizabeth alexander alexander1 christian christopher stephanie nicholas caroline brittany
  butterfly butterfly1 chocolate chocolate1 computer computer1 internet internet1 whatever whatever1 trustno1
  trustno1! dragon123 monkey123 shadow123 master123 killer123 freedom1 mustang1 corvette mercedes liverpool liverpool1
  chelsea1 arsenal1 manchester barcelona realmadrid juventus manunited rangers1 steelers yankees1 cowboys1
  midnight november december september february snowball sweetheart beautiful gorgeous handsome babygirl babygirl1
  babyboy1 blink182 metallica nirvana1 slipknot changeme changeme1 changeme123 changeit secret123 topsecret
  administrator admin123 admin1234 admin12345 admin123456 admin@123 adminadmin administrator1 root1234 rootroot toor1234
  test1234 test12345 testtest testing1 testing123 tester123 guest123 guest1234 user1234 username demo1234 default1
  access14 access123 login123 loginlogin winter2024 summer2024 winter2025 summer2025 winter123 summer123 spring123
  aa112233 asd123456 zxc123456 qwe123456 q123456789 jordan23 jordan123 michael123 daniel123 thomas123 ashley123
  google123 facebook facebook1 linkedin youtube1 microsoft samsung1 whatsapp minecraft minecraft1 fortnite roblox123
  cheese123 cookie123 banana123 pumpkin1 peanut123 elephant panther1 tinkerbell rainbow1 flower123 greenday
  christmas christmas1 jesus123 jesuschrist godisgood blessed1 forever1 forever21 fuckyou1 fuckyou! fuckyou123 asshole1
  thunder1 hurricane lightning scorpion dolphins redskins maverick marlboro cocacola carolina california newyork1
  correcthorsebatterystaple
  `
    .trim()
    .split(/\s+/),
);
