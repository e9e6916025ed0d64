### Vietnamese.

## On every page.
skip = Chuyển đến nội dung
nav = Các trang
nav-door = Cửa
nav-live = Hình trực tiếp
nav-account = Tài khoản
sign-out = Đăng xuất
cancel = Hủy
save = Lưu
duration-minutes = { $number } phút
duration-hours = { $number } giờ
duration-days = { $number } ngày

## Signing in.
sign-in-title = Đăng nhập
sign-in = Đăng nhập
sign-in-name = Tên
sign-in-password = Mật khẩu
sign-in-wrong = Tên hoặc mật khẩu không đúng.
sign-in-pair = Tôi có mã dùng một lần
done-signed-out = Bạn đã đăng xuất.
done-signed-out-everywhere = Tất cả trình duyệt đã đăng xuất.

## Pairing a browser by a one-time code.
pair-title = Ghép nối trình duyệt này
pair-how = Quản trị viên lấy mã trên bo mạch bằng lệnh:
pair-code = Mã dùng một lần
pair = Ghép nối
pair-sign-in = Tôi đã có tài khoản
pair-wrong-code = Mã này không hợp lệ: gõ sai, đã được dùng hoặc đã hết hạn. Hãy xin mã khác.
done-paired = Chào mừng, { $name }. Từ nay hãy đăng nhập bằng tên này và mật khẩu của bạn.

## Passwords.
password-new = Mật khẩu mới
password-again = Nhập lại mật khẩu mới
password-current = Mật khẩu hiện tại
password-hint = Ít nhất { $number } ký tự.
password-too-short = Mật khẩu cần ít nhất { $number } ký tự.
password-too-long = Mật khẩu quá dài.
password-too-easy = Mật khẩu quá dễ đoán.
password-differs = Hai mật khẩu không giống nhau.
password-wrong = Mật khẩu hiện tại không đúng.

## The door.
door-title = Cửa
mode-normal = Bình thường: người đã đăng ký được vào
mode-held-open = Giữ mở thêm { $number } phút
mode-locked-down = Khóa: khuôn mặt không mở được cửa
mode-fault = Bị khóa do lỗi cho đến khi khởi động lại
state-no-relay = Chưa cấu hình rơ-le: không gì mở được.
state-no-camera = Máy ảnh không cho hình.
state-contact = Cảm biến cửa
state-open = mở
state-closed = đóng
state-unknown = không rõ
state-exit = Nút ra
state-pressed = đang nhấn
state-not-pressed = không nhấn
state-people = Người đã đăng ký
state-liveness = Kiểm tra ảnh giả
state-model = Mô hình
state-version = Phiên bản
state-uptime = Đã chạy
door-control = Mở và khóa
door-open = Mở cửa
door-hold-for = Giữ mở trong
door-hold = Giữ mở
door-normal = Trở lại bình thường
door-lockdown = Khóa lại
door-lockdown-hint = Khi khóa, không khuôn mặt nào mở được cửa. Nút ra vẫn mở được.
open-title = Mở cửa?
open-question = Cửa “{ $name }” mở một lần, cho bất kỳ ai đứng trước.
done-opened = Đã mở cửa.
done-held = Cửa đang được giữ mở.
done-locked-down = Cửa đã bị khóa.
done-normal = Cửa hoạt động bình thường.

## The live picture. What a person before the camera should do.
live-title = Hình trực tiếp
live-picture = Hình từ máy ảnh của cửa
live-waiting = Đang chờ hình …
live-lost = Mất kết nối. Đang thử lại.
live-nobody = Không có ai trong hình.
live-failed = Cửa không cho hình.
live-unknown = người lạ
advice-too-small = lại gần hơn
advice-too-dark = quá tối: thêm ánh sáng vào mặt
advice-too-bright = quá sáng: tránh ánh sáng vào máy ảnh
advice-blurred = mờ: đứng yên
advice-turned-away = nhìn thẳng vào máy ảnh
advice-tilted = giữ đầu thẳng
advice-eyes-covered = mắt bị che: bỏ kính đen ra
advice-mouth-covered = miệng bị che: bỏ khẩu trang ra
advice-cut-off = mép hình cắt mất mặt: bước vào trong hình
advice-not-upright = đầu bị ngược, nằm ngang hoặc bị che gần hết

## The account.
account-title = Tài khoản
account-name = Tên
account-role = Vai trò
role-viewer = người xem: được xem
role-operator = người vận hành: được mở và khóa
role-admin = quản trị viên: được làm mọi việc
account-language = Ngôn ngữ
account-language-browser = Theo trình duyệt
account-password = Mật khẩu
account-change-password = Đổi mật khẩu
account-sessions = Trình duyệt đang đăng nhập
account-session-began = Đăng nhập
account-session-used = lần dùng cuối
account-sign-out-everywhere = Đăng xuất ở mọi nơi
done-language = Đã lưu ngôn ngữ.
done-password = Đã đổi mật khẩu. Các trình duyệt khác đã đăng xuất.

## Errors.
error-title = Không thực hiện được
error-back = Về trang đầu
error-not-signed-in = Bạn chưa đăng nhập.
error-account-ended = Tài khoản này không còn hiệu lực. Hãy xin quản trị viên mã mới.
error-not-allowed = Vai trò của bạn không cho phép việc này.
error-refused = Cửa từ chối. Cửa báo:
error-door-silent = Cửa không trả lời. Có thể đang khởi động lại; hãy thử lại sau một phút.
error-not-found = Không có trang này.
error-other-site = Yêu cầu đến từ trang khác và bị từ chối. Hãy mở trang của bảng điều khiển và thử lại.
error-bad-request = Biểu mẫu chưa đầy đủ. Hãy quay lại và thử lại.
error-too-large = Dữ liệu gửi lên quá lớn.
error-too-many = Thử quá nhiều lần. Hãy đợi một phút rồi thử lại.
error-busy = Bảng điều khiển đang bận. Hãy thử lại sau giây lát.
error-internal = Bảng điều khiển gặp lỗi. Nhật ký có chi tiết.

## Settings.
settings-title = Cài đặt
settings-last = Thay đổi gần nhất: { $name }.
settings-undo = Hoàn tác
settings-no-undo = Không có thay đổi nào để hoàn tác.
settings-allowed = Cho phép:
settings-default = Mặc định:
settings-example = Ví dụ:
settings-origin = Nguồn:
settings-restart = Thay đổi cần khởi động lại cửa.
settings-reset = Trở về tệp của chủ cửa hoặc mặc định
settings-others = Các khóa khác
settings-others-hint = Chỉ có thể đổi các khóa này trong tệp của chủ cửa trên bo mạch, vì chúng bảo vệ cửa.
settings-not-set = chưa đặt
done-setting = Đã đổi { $name }.
done-setting-reset = { $name } trở về như trong tệp của chủ cửa hoặc mặc định.
done-setting-undone = Đã hoàn tác thay đổi { $name }.

## The camera on the page of the live picture.
camera-title = Máy ảnh
camera-again = Hiện hình mới
camera-light = Ánh sáng
camera-dark = quá tối: thêm ánh sáng trước cửa
camera-bright = quá sáng: quay máy ảnh tránh nguồn sáng
camera-good = tốt
camera-focus = Độ nét
camera-blurred = mờ: chỉnh nét hoặc lau ống kính
camera-rotate = Xoay phải 90°
camera-mirror = Đổi trái và phải
camera-unmirror = Không đổi trái và phải
camera-region = Vùng
camera-region-hint = Chỉ tìm khuôn mặt trong phần này của hình, tính bằng điểm ảnh. Xoay hình sẽ bỏ vùng này.
camera-region-set = Hình chỉ hiện vùng này; hãy bỏ vùng để chọn vùng lớn hơn.
camera-draw = Vẽ vùng trên hình
camera-x = Từ bên trái
camera-y = Từ phía trên
camera-width = Chiều rộng
camera-height = Chiều cao
camera-remove = Bỏ vùng
done-camera = Đã đổi máy ảnh. Hình có thể mất vài giây.

## Work that takes long.
work-runs = Cửa đang thực hiện. Trang này hiện tiến độ; bạn có thể rời trang.
work-over = Đã xong.

## Models.
models-title = Mô hình
models-busy = Đang kiểm tra hoặc đổi mô hình.
models-overridden = models.dir đã được đặt: chỉ dùng thư mục đó, không dùng gói nào.
models-shipped = Đang dùng mô hình đi kèm chương trình.
models-bundle = Gói { $number }
models-active = đang dùng
models-probation = đang thử
models-created = Tạo ngày
models-expires = Hết hạn
models-expired = Đã hết hạn
models-model = Mô hình
models-verify = Kiểm tra
models-verify-one = Kiểm tra gói { $number }
models-verify-title = Kiểm tra mô hình
models-activate = Dùng
models-activate-one = Dùng gói { $number }
models-activate-title = Đổi mô hình
models-activate-question = Gói { $number } thay các mô hình đang dùng.
models-rollback = Trở về mô hình trước
models-rollback-title = Quay lại mô hình trước
models-rollback-question = Các mô hình dùng trước đó thay các mô hình hiện tại.
models-minutes = Cửa tính mẫu của mọi người, mất một phút hoặc hơn. Trong lúc đó cửa vẫn hoạt động.
models-without = Người không có ảnh đã lưu
models-without-hint = Không thể tính mẫu của những người này. Cửa từ chối nếu bạn không đánh dấu họ; sau đó phải đăng ký lại họ.
models-templates = Mẫu: { $number }
models-good = tốt
models-bad = không tốt:
models-refused = Không đổi mô hình. Cửa báo:
models-in-use = Đang dùng gói { $number }.
models-computed = Số mẫu đã tính: { $number }.
models-strangers = Phải đăng ký lại những người này:
models-none = Chưa lưu gói nào. Trên bo mạch, lệnh này tải về một gói:
models-back = Tới các mô hình

## Setting up a door.
setup-title = Thiết lập
setup-hint = Theo thứ tự này. Bạn có thể bỏ qua một bước rồi quay lại.
setup-done = xong
setup-open = chưa làm
setup-back = Trở về thiết lập
setup-name = Tên và ngôn ngữ
setup-name-hint = Tên của cửa là { $name }. Có thể đổi trên bo mạch: door.name trong /etc/ostiary/ostiary.toml.
setup-language = Ngôn ngữ cửa dùng để hướng dẫn
setup-camera = Máy ảnh
setup-camera-hint = Hướng máy ảnh sao cho khuôn mặt thẳng, đủ sáng và rõ nét.
setup-person = Người đầu tiên
setup-person-hint = Người đã đăng ký: { $number }.
setup-people = Tới danh sách người
setup-relay = Rơ-le
setup-relay-hint = Rơ-le đóng một xung và cửa mở. Hãy đứng cạnh và nghe tiếng tách. Bước này xong khi có lệnh đã mở cửa.
setup-relay-name = Để xác nhận, hãy gõ tên của cửa: { $name }
setup-relay-test = Thử rơ-le
setup-recognized = Có người được nhận ra
setup-recognized-hint = Người đã đăng ký đứng trước máy ảnh: cửa sẽ mở.
setup-liveness-hint = Thử tại cửa này xem nó để lọt ảnh nào, và từ chối người nhà bao nhiêu lần.
setup-liveness-off = liveness.level đang tắt: ảnh của người đã đăng ký mở được cửa. Chỉ đổi được trong tệp của chủ cửa.
setup-health = Tình trạng mọi bộ phận
setup-health-hint = Cửa kiểm tra mọi thứ nó cần, và cho biết cách sửa từng lỗi.
setup-mqtt = Home Assistant (MQTT) và những gì bảo vệ cửa được thiết lập trên bo mạch, bằng:
done-relay = Rơ-le đã đóng một lần. Có tiếng tách không? Nếu không, hãy kiểm tra dây.

## Tests of liveness.
liveness-title = Thử với ảnh giả
liveness-work-title = Thử với ảnh giả: đang chạy một phần
liveness-busy = Đang chạy một phần của phép thử.
liveness-results = Kết quả
liveness-changed = Lần thử trước không còn giá trị. Từ đó đã đổi:
liveness-none = Chưa thử gì.
liveness-part = Phần
liveness-errors = Lỗi
liveness-interval = Khoảng 95 %
liveness-parts = Bắt đầu một phần
liveness-impossible = Không thể bắt đầu phép thử. Cửa báo:
liveness-hint = Cửa đếm những gì được đưa ra trước nó. Trong lúc đó không ai khác nên đến cửa. Một phần tự kết thúc, bằng nút của nó, hoặc khi mười phút không ai xem trang này.
liveness-presentations = Bao nhiêu lần
liveness-begin = Bắt đầu
liveness-counted = Đã đếm: { $number }
liveness-end = Kết thúc phần này
liveness-back = Tới mọi phần và kết quả
done-liveness-ending = Phần này kết thúc khi không còn gì trong hình.
